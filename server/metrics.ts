import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { QUICKBOOKS_LIMITS } from './core/pace.ts';
import { GrantError, type History, type Identity, type Runs } from './core/ports.ts';
import type { Windows } from './core/run.ts';
import type { SeenCall } from './qbo/call.ts';

/** What operators watch. Labels have few values, all known beforehand; none names a company or a realm (engineering.md §5). */
export interface Metrics {
  /** The content type and text of Prometheus' format. */
  readonly contentType: string;
  text(): Promise<string>;
  /** Counts a call to QuickBooks. */
  saw(call: SeenCall): void;
  request(method: string, status: number, seconds: number): void;
  /** The same stores and ports, counting what goes through them. */
  over<T extends Measured>(ports: T): T;
}

export interface Measured {
  readonly runs: Runs;
  readonly history: History;
  readonly identity: Identity;
}

/** How old the oldest piece of work is that nobody has taken, in seconds; asked for with every reading. */
export type QueueAge = () => Promise<number>;

/** Fault codes with a series of their own; the rest counts as `other`, so that QuickBooks cannot make series without end. */
const FAULTS: ReadonlySet<string> = new Set([
  '100', '110', '120', '130', '140', '150', '500', '600', '610', '700', '800', '900', '1000', '1010', '1020', '1040', '1050', '2000', '2010', '2020',
  '2030', '2040', '2050', '2130', '2170', '2230', '2500', '3001', '3100', '3200', '3202', '4000', '4001', '4002', '5000', '5010', '5020', '5030',
  '6000', '6150', '6180', '6190', '6240', '007001', '10000',
]);
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
const CALL_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const REQUEST_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createMetrics(queueAge: QueueAge): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const calls = new Counter({ name: 'quickbooks_calls_total', help: 'Calls to QuickBooks by how they ended', labelNames: ['kind', 'outcome'], registers });
  const callSeconds = new Histogram({ name: 'quickbooks_call_seconds', help: 'How long calls to QuickBooks took', labelNames: ['kind'], buckets: CALL_SECONDS, registers });
  const faults = new Counter({ name: 'quickbooks_faults_total', help: 'Faults QuickBooks told of, in calls and in parts of batches', labelNames: ['code'], registers });
  const fullness = new Gauge({ name: 'quickbooks_window_fullness', help: 'The fullest limit window of a run of this process, 0 to 1', labelNames: ['window'], registers });
  const leases = new Counter({ name: 'run_leases_total', help: 'Leases on runs taken, lost to another process, handed over', labelNames: ['event'], registers });
  const refreshes = new Counter({ name: 'token_refreshes_total', help: 'Renewals of connections by how they ended', labelNames: ['outcome'], registers });
  const rows = new Counter({ name: 'sync_rows_total', help: 'Cost codes settled by runs', labelNames: ['outcome'], registers });
  const retries = new Counter({ name: 'sync_retries_total', help: 'Tries whose outcome was not known, so that the code is looked for and tried again', registers });
  const requests = new Histogram({ name: 'http_request_seconds', help: 'How long requests took', labelNames: ['method', 'status'], buckets: REQUEST_SECONDS, registers });
  const age = new Gauge({ name: 'work_queue_age_seconds', help: 'Age of the oldest piece of work nobody has taken', registers });
  const fill = (windows: Windows) => {
    for (const { of, count, within } of QUICKBOOKS_LIMITS) {
      const newest = windows.requests.at(-1) ?? 0;
      const counted = windows[of].filter((start) => start > newest - within).length;
      fullness.set({ window: `${of}_${within / 1_000}s` }, counted / count);
    }
  };

  return {
    contentType: registry.contentType,
    async text() {
      age.set(await queueAge().catch(() => Number.NaN));
      return registry.metrics();
    },

    saw({ kind, outcome, took, faults: codes }) {
      calls.inc({ kind, outcome });
      callSeconds.observe({ kind }, took / 1_000);
      for (const code of codes) faults.inc({ code: FAULTS.has(code) ? code : 'other' });
    },

    request: (method, status, seconds) =>
      requests.observe({ method: METHODS.has(method) ? method : 'other', status: `${Math.floor(status / 100)}xx` }, seconds),

    over: (ports) => ({
      ...ports,
      runs: {
        ...ports.runs,
        async acquire(...given) {
          const run = await ports.runs.acquire(...given);
          if (run) leases.inc({ event: 'taken' });
          return run;
        },
        async renew(...given) {
          const run = await ports.runs.renew(...given);
          if (run) fill(given[4]);
          else leases.inc({ event: 'lost' });
          return run;
        },
        async handOver(...given) {
          await ports.runs.handOver(...given);
          leases.inc({ event: 'handed_over' });
        },
        async add(...given) {
          const kept = await ports.runs.add(...given);
          for (const [outcome, count] of Object.entries(given[3].counts ?? {})) if (kept) rows.inc({ outcome }, count);
          return kept;
        },
      },
      history: {
        ...ports.history,
        async add(company, facts) {
          await ports.history.add(company, facts);
          retries.inc(facts.filter((fact) => fact.kind === 'waiting').length);
        },
      },
      identity: {
        ...ports.identity,
        async refresh(token) {
          try {
            const grant = await ports.identity.refresh(token);
            refreshes.inc({ outcome: 'renewed' });
            return grant;
          } catch (error) {
            refreshes.inc({ outcome: error instanceof GrantError ? error.kind : 'failed' });
            throw error;
          }
        },
      },
    }),
  };
}
