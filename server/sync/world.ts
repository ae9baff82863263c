import type { Fresh } from '../core/fresh.ts';
import type {
  ClassMirror, Clock, Companies, CostCodes, Dispatch, History, Identity, Intents, Invitations, Library, OpenBooks, Random, Runs, Team, Users,
} from '../core/ports.ts';

/** A line of the log; the values must hold nothing secret. */
export interface Log {
  info(about: Readonly<Record<string, unknown>>, message: string): void;
  warn(about: Readonly<Record<string, unknown>>, message: string): void;
  error(about: Readonly<Record<string, unknown>>, message: string): void;
}

/** Everything a use case may touch; put together in services.ts. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly library: Library;
  readonly identity: Identity;
  readonly openBooks: OpenBooks;
  readonly companies: Companies;
  readonly users: Users;
  readonly team: Team;
  readonly invitations: Invitations;
  readonly costCodes: CostCodes;
  readonly classes: ClassMirror;
  readonly runs: Runs;
  readonly intents: Intents;
  readonly history: History;
  readonly dispatch: Dispatch;
  readonly fresh: Fresh;
  readonly pace: {
    /** How many times faster than the wall QuickBooks' clock runs: 1, or the sandbox's speed. */
    readonly speed: number;
    /** False only for a sandbox that runs without limits. */
    readonly limits: boolean;
  };
  /** Names this process in leases. */
  readonly owner: string;
}
