import { createHmac, randomUUID } from 'node:crypto';
import type { RegisteredApp } from './apps.ts';
import type { Clock } from './clock.ts';
import { secondsTime } from './clock.ts';
import type { ChangeKind, ListEntity } from './namelist.ts';
import type { Switches } from './switches.ts';

/** One change of a list object, as it is told to the apps connected to the company. */
export interface Change {
  readonly realmId: string;
  readonly entity: ListEntity;
  readonly id: string;
  /** The one that was merged into it. */
  readonly deletedId: string | null;
  readonly kind: ChangeKind;
  /** Wall time in ms. */
  readonly at: number;
  /** The app that wrote, or null for a person. */
  readonly writer: string | null;
}

/** Misbehaviour on demand (quickbooks.md §10.4). */
export interface WebhookMode {
  /** How many times each delivery is repeated after it was taken. */
  readonly duplicates: number;
  /** Gathered events go out in reverse, and the newest waiting delivery first. */
  readonly reorder: boolean;
  /** Signatures are made with a wrong key. */
  readonly forged: boolean;
  readonly paused: boolean;
}

export interface Attempt {
  /** Wall time, ISO. */
  readonly time: string;
  readonly status: number | null;
  readonly error: string | null;
}

interface Delivery {
  readonly id: string;
  readonly clientId: string;
  readonly url: string;
  readonly events: readonly { id: string; change: Change }[];
  readonly body: string;
  readonly headers: Record<string, string>;
  readonly attempts: Attempt[];
  delivered: boolean;
}

export interface WebhookWorld {
  readonly clock: Clock;
  readonly switches: () => Switches;
  readonly listeners: () => readonly RegisteredApp[];
  readonly isConnected: (clientId: string, realmId: string) => boolean;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Virtual ms before each attempt after the first, then six hours for ever (quickbooks.md §4). */
const RETRY_AFTER_MS = [10_000, 20_000, 30_000, 5 * MINUTE, 20 * MINUTE, 2 * HOUR, 4 * HOUR, 6 * HOUR];
/** Real ms an app has to answer: its own clock does not run faster. */
const ANSWER_WITHIN_MS = 3000;
/** Real ms over which changes are gathered at least, so that one batch makes one notification. */
const GATHER_MS = 20;
const KEPT_DELIVERIES = 1000;

/**
 * Sends webhooks (quickbooks.md §4, A4): gathered, signed, at least once, later ones waiting for the earlier one's
 * acknowledgement.
 */
export class Webhooks {
  readonly #world: WebhookWorld;
  readonly #gathered = new Map<string, Change[]>();
  readonly #queues = new Map<string, Delivery[]>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Apps a delivery is on its way to. */
  readonly #busy = new Set<string>();
  #history: Delivery[] = [];
  #mode: WebhookMode = { duplicates: 0, reorder: false, forged: false, paused: false };
  #closed = false;

  constructor(world: WebhookWorld) {
    this.#world = world;
  }

  get mode(): WebhookMode {
    return this.#mode;
  }

  setMode(change: Partial<WebhookMode>): void {
    this.#mode = { ...this.#mode, ...change };
    if (!this.#mode.paused) for (const clientId of this.#queues.keys()) this.#later(0, () => void this.#deliverNext(clientId));
  }

  /** Takes up a change for every app connected to its company. */
  note(change: Change): void {
    for (const app of this.#world.listeners()) {
      if (!app.webhookUrl || (app.clientId === change.writer && this.#world.switches().webhookOwnChanges === 'no')) continue;
      if (!this.#world.isConnected(app.clientId, change.realmId)) continue;
      const gathered = this.#gathered.get(app.clientId);
      if (gathered) {
        gathered.push(change);
        continue;
      }
      this.#gathered.set(app.clientId, [change]);
      const virtual = this.#world.switches().webhookAggregationSeconds * 1000;
      this.#later(Math.max(GATHER_MS, this.#world.clock.realMs(virtual)), () => this.#queueGathered(app.clientId));
    }
  }

  /** Sends a past delivery once more, as it was. @returns false when there is none of this id. */
  replay(id: string): boolean {
    const past = this.#history.find((delivery) => delivery.id === id);
    if (!past) return false;
    this.#enqueue({ ...past, attempts: [], delivered: false });
    return true;
  }

  report(): Record<string, unknown> {
    return {
      mode: this.#mode,
      waiting: [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0),
      deliveries: this.#history.map(({ id, clientId, url, body, headers, attempts, delivered }) =>
        ({ id, clientId, url, body, headers, attempts, delivered })),
    };
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #queueGathered(clientId: string): void {
    const changes = this.#gathered.get(clientId) ?? [];
    this.#gathered.delete(clientId);
    const app = this.#world.listeners().find((each) => each.clientId === clientId);
    if (!app?.webhookUrl || changes.length === 0) return;
    const events = changes.map((change) => ({ id: randomUUID(), change }));
    if (this.#mode.reorder) events.reverse();
    const switches = this.#world.switches();
    const body = JSON.stringify(switches.webhookFormat === 'classic' ? classicBody(events, switches)
      : cloudEventsBody(events, switches));
    const key = this.#mode.forged ? 'not-the-verifier' : app.webhookVerifier ?? '';
    this.#enqueue({
      id: randomUUID(), clientId, url: app.webhookUrl, events, body, attempts: [], delivered: false,
      headers: {
        'content-type': 'application/json',
        'intuit-signature': createHmac('sha256', key).update(body).digest('base64'),
        'intuit-created-time': new Date(this.#world.clock.wall()).toISOString(),
        'intuit-t-id': randomUUID(),
        'intuit-notification-schema-version': '0.1',
        'user-agent': 'intuit_notification_server/0.1',
      },
    });
  }

  #enqueue(delivery: Delivery): void {
    this.#history.push(delivery);
    if (this.#history.length > 2 * KEPT_DELIVERIES) this.#history = this.#history.slice(-KEPT_DELIVERIES);
    const queue = this.#queues.get(delivery.clientId);
    if (queue) {
      if (this.#mode.reorder) queue.splice(Math.min(1, queue.length), 0, delivery);
      else queue.push(delivery);
      if (queue.length > 1) return;
    } else {
      this.#queues.set(delivery.clientId, [delivery]);
    }
    this.#later(0, () => void this.#deliverNext(delivery.clientId));
  }

  /** One attempt for the first waiting delivery; the rest waits for its acknowledgement. */
  async #deliverNext(clientId: string): Promise<void> {
    const queue = this.#queues.get(clientId);
    const delivery = queue?.[0];
    if (!queue || !delivery || this.#closed || this.#mode.paused || this.#busy.has(clientId)) return;
    this.#busy.add(clientId);
    const taken = await this.#post(delivery);
    if (taken) for (let copy = 0; copy < this.#mode.duplicates; copy += 1) await this.#post(delivery);
    this.#busy.delete(clientId);
    if (this.#closed) return;
    if (taken) {
      delivery.delivered = true;
      queue.splice(queue.indexOf(delivery), 1);
      if (queue.length > 0) this.#later(0, () => void this.#deliverNext(clientId));
    } else {
      const virtual = RETRY_AFTER_MS[Math.min(delivery.attempts.length, RETRY_AFTER_MS.length) - 1] ?? 6 * HOUR;
      this.#afterVirtual(virtual, () => void this.#deliverNext(clientId));
    }
  }

  async #post(delivery: Delivery): Promise<boolean> {
    const note = (status: number | null, error: string | null): void => {
      delivery.attempts.push({ time: new Date(this.#world.clock.wall()).toISOString(), status, error });
    };
    try {
      const response = await fetch(delivery.url, {
        method: 'POST', headers: delivery.headers, body: delivery.body, redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      await response.arrayBuffer();
      note(response.status, null);
      return response.ok;
    } catch (error) {
      note(null, error instanceof Error ? error.name : 'unknown');
      return false;
    }
  }

  /** Waits in virtual time, so that moving the clock on brings a retry forward. */
  #afterVirtual(virtualMs: number, work: () => void): void {
    const due = this.#world.clock.now() + virtualMs;
    const check = (): void => {
      const left = this.#world.clock.realMs(due - this.#world.clock.now());
      if (left <= 0) work();
      else this.#later(Math.min(left, 250), check);
    };
    check();
  }

  #later(ms: number, work: () => void): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }
}

type Events = readonly { id: string; change: Change }[];

function operationOf(kind: ChangeKind, switches: Switches): 'Create' | 'Update' | 'Delete' | 'Merge' {
  return kind === 'Inactivate' ? switches.webhookInactive : kind;
}

/** The older payload (A4): one notification per company. */
function classicBody(events: Events, switches: Switches): unknown {
  const realms = [...new Set(events.map(({ change }) => change.realmId))];
  return {
    eventNotifications: realms.map((realmId) => ({
      realmId,
      dataChangeEvent: {
        entities: events.filter(({ change }) => change.realmId === realmId).map(({ change }) => ({
          name: change.entity, id: change.id, operation: operationOf(change.kind, switches),
          ...(change.deletedId === null ? {} : { deletedId: change.deletedId }),
          lastUpdated: secondsTime(change.at).replace(/:(\d\d)$/, '$1'),
        })),
      },
    })),
  };
}

const PAST = { Create: 'created', Update: 'updated', Delete: 'deleted', Merge: 'merged' } as const;

/** The newer payload (A4): a JSON array of CloudEvents. */
function cloudEventsBody(events: Events, switches: Switches): unknown {
  return events.map(({ id, change }) => ({
    specversion: '1.0',
    id,
    source: `intuit.${Buffer.from('linarc-class-sync-sandbox').toString('base64')}`,
    type: `qbo.${change.entity.toLowerCase()}.${PAST[operationOf(change.kind, switches)]}.v1`,
    datacontenttype: 'application/json',
    time: new Date(change.at).toISOString().replace('Z', '000000Z'),
    intuitentityid: change.id,
    intuitaccountid: change.realmId,
    // Where CloudEvents name the merged one is not known.
    data: change.deletedId === null ? {} : { deletedId: change.deletedId },
  }));
}
