import { createHmac, randomBytes, randomUUID } from 'node:crypto';

import { z } from 'zod';

import type { LibraryChange } from './library.ts';

export const WEBHOOK_EVENTS = ['costcode.created', 'costcode.updated', 'costcode.deleted'] as const;

export const webhookOrder = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(500),
  events: z
    .array(z.enum(WEBHOOK_EVENTS))
    .min(1)
    .max(3)
    .default([...WEBHOOK_EVENTS]),
});

export const webhookRecord = z.strictObject({
  id: z.string(),
  url: z.string(),
  events: z.array(z.enum(WEBHOOK_EVENTS)),
  secret: z.string(),
  createdAt: z.string(),
});

export type Webhook = z.infer<typeof webhookRecord>;

export const MOST_WEBHOOKS = 5;
const MOST_EVENTS = 100;
const ANSWER_WITHIN = 5_000;

type ChangeEvent = { id: string; type: (typeof WEBHOOK_EVENTS)[number]; costCodeId: string; occurredAt: string };

/**
 * Tells the addresses a company registered that codes changed. Changes made together travel together; a delivery that is not
 * answered with 2xx is repeated after each of the given pauses (milliseconds), then dropped.
 */
export class WebhookSender {
  readonly #companyId: string;
  readonly #now: () => number;
  readonly #pauses: readonly number[];
  readonly #stop = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  #webhooks: Webhook[] = [];
  #waiting: ChangeEvent[] = [];
  #flushing = false;

  constructor(companyId: string, now: () => number, pauses: readonly number[]) {
    this.#companyId = companyId;
    this.#now = now;
    this.#pauses = pauses;
  }

  get webhooks(): readonly Webhook[] {
    return this.#webhooks;
  }

  set webhooks(webhooks: readonly Webhook[]) {
    this.#webhooks = [...webhooks];
  }

  register({ url, events }: z.infer<typeof webhookOrder>): Webhook {
    const id = `wh_${randomUUID()}`;
    const webhook: Webhook = {
      id,
      url,
      events,
      secret: randomBytes(32).toString('hex'),
      createdAt: new Date(this.#now()).toISOString(),
    };
    this.#webhooks.push(webhook);
    return webhook;
  }

  /** Takes an address off; false when there is none of that id. */
  unregister(id: string): boolean {
    const before = this.#webhooks.length;
    this.#webhooks = this.#webhooks.filter((webhook) => webhook.id !== id);
    return this.#webhooks.length < before;
  }

  announce({ kind, record }: LibraryChange): void {
    if (this.#webhooks.length === 0) return;
    const occurredAt = kind === 'deleted' ? new Date(this.#now()).toISOString() : record.updatedAt;
    this.#waiting.push({ id: `ev_${randomUUID()}`, type: `costcode.${kind}`, costCodeId: record.id, occurredAt });
    if (this.#flushing) return;
    this.#flushing = true;
    this.#later(10, () => this.#flush());
  }

  close(): void {
    this.#stop.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #flush(): void {
    this.#flushing = false;
    const changes = this.#waiting;
    this.#waiting = [];
    for (const webhook of this.#webhooks) {
      const wanted = changes.filter((change) => webhook.events.includes(change.type));
      for (let start = 0; start < wanted.length; start += MOST_EVENTS) {
        const body = { id: `dl_${randomUUID()}`, companyId: this.#companyId, events: wanted.slice(start, start + MOST_EVENTS) };
        void this.#deliver(webhook, JSON.stringify(body), 0);
      }
    }
  }

  async #deliver(webhook: Webhook, body: string, attempt: number): Promise<void> {
    if (await this.#accepted(webhook, body)) return;
    const pause = this.#pauses[attempt];
    const registered = this.#webhooks.some(({ id }) => id === webhook.id);
    if (pause !== undefined && registered) this.#later(pause, () => void this.#deliver(webhook, body, attempt + 1));
  }

  async #accepted(webhook: Webhook, body: string): Promise<boolean> {
    try {
      const answer = await fetch(webhook.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'linarc-signature': signatureOf(body, webhook.secret) },
        body,
        redirect: 'error',
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ANSWER_WITHIN)]),
      });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  #later(ms: number, act: () => void): void {
    if (this.#stop.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

/** The `linarc-signature` of a delivery: HMAC-SHA256 of the raw body under the webhook's secret, in lower-case hex. */
export function signatureOf(body: string, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}
