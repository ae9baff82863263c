import type { Response } from 'express';
import { z } from 'zod';

/** What can go wrong on purpose with an API call. Without `times` a fault stays until it is cleared. */
export const faultOrder = z.strictObject({
  match: z
    .strictObject({ path: z.string().min(1).max(200).optional(), method: z.string().min(1).max(10).optional() })
    .default({}),
  fault: z.discriminatedUnion('kind', [
    /** Answers an error of this status; 429 and 503 may say after how many seconds to come back. */
    z.strictObject({
      kind: z.literal('status'),
      status: z.int().min(400).max(599),
      retryAfter: z.int().min(0).max(3600).optional(),
    }),
    /** Closes the connection without an answer. */
    z.strictObject({ kind: z.literal('drop') }),
    /** Waits this many milliseconds, then answers as always. */
    z.strictObject({ kind: z.literal('delay'), ms: z.int().min(0).max(600_000) }),
    /** Cuts the answer in the middle and closes the connection. */
    z.strictObject({ kind: z.literal('truncate') }),
    /** Answers 200 and JSON that means nothing. */
    z.strictObject({ kind: z.literal('nonsense') }),
    /** Answers 200 and a page for people, as a proxy or a sign-in wall would. */
    z.strictObject({ kind: z.literal('html') }),
    /** Bends every third record of a list: a missing id, a number for a name, an unknown status. */
    z.strictObject({ kind: z.literal('odd-records') }),
    /** Answers with the field labels of the older generation: taskCode, taskName, taskType, taskCodeStatus. */
    z.strictObject({ kind: z.literal('old-labels') }),
    /** Begins every page with the last record of the page before. */
    z.strictObject({ kind: z.literal('repeat-records') }),
    /** Names the page that was asked for as the next one, without end. */
    z.strictObject({ kind: z.literal('loop-cursor') }),
  ]),
  times: z.int().min(1).max(1_000_000).optional(),
});

export type FaultOrder = z.infer<typeof faultOrder>;
export type Fault = FaultOrder['fault'];

/** The faults that are set now. The first that matches a call is used up once. */
export class FaultBoard {
  #orders: { order: FaultOrder; left: number }[] = [];

  add(order: FaultOrder): void {
    this.#orders.push({ order, left: order.times ?? Infinity });
  }

  clear(): void {
    this.#orders = [];
  }

  take(method: string, path: string): Fault | null {
    const found = this.#orders.find(
      ({ order: { match } }) => (match.method ?? method).toUpperCase() === method && path.includes(match.path ?? ''),
    );
    if (!found) return null;
    found.left -= 1;
    if (found.left <= 0) this.#orders = this.#orders.filter((each) => each !== found);
    return found.order.fault;
  }
}

const LIST_OF_ODDITIES: readonly ((record: Record<string, unknown>) => Record<string, unknown>)[] = [
  ({ id: _id, ...record }) => record,
  (record) => ({ ...record, costCodeName: 42 }),
  (record) => ({ ...record, status: 'on hold' }),
];

type List = { items: Record<string, unknown>[]; nextCursor: string | null; total: number };

const isList = (body: unknown): body is List =>
  typeof body === 'object' && body !== null && 'items' in body && 'nextCursor' in body;

function withOddRecords(body: unknown): unknown {
  if (!isList(body)) return body;
  const bend = (record: Record<string, unknown>, index: number): Record<string, unknown> =>
    index % 3 === 2 ? (LIST_OF_ODDITIES[Math.floor(index / 3) % LIST_OF_ODDITIES.length]?.(record) ?? record) : record;
  return { ...body, items: body.items.map(bend) };
}

function oldLabels({
  costCode,
  costCodeName,
  costTypeCategory,
  status,
  ...rest
}: Record<string, unknown>): Record<string, unknown> {
  return { ...rest, taskCode: costCode, taskName: costCodeName, taskType: costTypeCategory, taskCodeStatus: status };
}

function withOldLabels(body: unknown): unknown {
  if (isList(body)) return { ...body, items: body.items.map(oldLabels) };
  return typeof body === 'object' && body !== null && 'costCode' in body ? oldLabels({ ...body }) : body;
}

/** The body as this fault bends it. `before` is the last record of the page before, `cursor` the page that was asked for. */
export function bent(body: unknown, fault: Fault | null, before: unknown, cursor: string | undefined): unknown {
  switch (fault?.kind) {
    case 'nonsense':
      return { items: 'soon', nextCursor: 7, id: null, weather: 'fair' };
    case 'odd-records':
      return withOddRecords(body);
    case 'old-labels':
      return withOldLabels(body);
    case 'repeat-records':
      return isList(body) && before ? { ...body, items: [before, ...body.items] } : body;
    case 'loop-cursor':
      return isList(body) ? { ...body, nextCursor: cursor ?? body.nextCursor } : body;
    default:
      return body;
  }
}

const PROXY_PAGE = '<!doctype html><html lang="en"><title>One moment</title><h1>We will be right back</h1></html>';

/** Answers in the place of the API when the fault asks for that; false when the call goes on. */
export function answerFault(res: Response, fault: Fault | null): boolean {
  if (fault?.kind === 'drop') {
    res.socket?.destroy();
    return true;
  }
  if (fault?.kind === 'html') {
    res.status(200).type('html').send(PROXY_PAGE);
    return true;
  }
  return false;
}

/** Sends the first half of a JSON answer that promised to be whole, then closes the connection. */
export function sendTruncated(res: Response, status: number, body: unknown): void {
  const whole = Buffer.from(JSON.stringify(body));
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': whole.length });
  res.write(whole.subarray(0, Math.ceil(whole.length / 2)), () => res.socket?.destroy());
}
