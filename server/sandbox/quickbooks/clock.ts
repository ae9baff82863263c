/**
 * The sandbox's two clocks (quickbooks.md §10.3). `wall` is real time: what records and id_tokens carry. `now` is virtual time,
 * which runs `speed` times faster and can be moved on by hand: token lifetimes, limit windows, requestid retention and webhook
 * retries use it.
 */
export class Clock {
  readonly speed: number;
  #origin: number;
  #ahead = 0;

  /**
   * @param speed virtual seconds per real second, >= 1. @param startAt virtual time in ms to start from, never before real time.
   */
  constructor(speed: number, startAt = 0) {
    this.speed = speed;
    this.#origin = performance.now();
    this.#ahead = Math.max(startAt, Date.now());
  }

  /** Real time in ms since 1970. */
  wall(): number {
    return Date.now();
  }

  /** Virtual time in ms since 1970. Never runs back. */
  now(): number {
    return this.#ahead + (performance.now() - this.#origin) * this.speed;
  }

  /** Moves virtual time on by so many virtual ms. */
  advance(ms: number): void {
    this.#ahead += ms;
  }

  /** Real ms that so many virtual ms take. */
  realMs(virtualMs: number): number {
    return virtualMs / this.speed;
  }
}

const pacific = new Intl.DateTimeFormat('en-US', { timeZone: 'America/Los_Angeles', timeZoneName: 'longOffset' });
const offsetByHour = new Map<number, { text: string; ms: number }>();

/**
 * QuickBooks prints times with the company's offset; every sandbox company keeps Intuit's own, Pacific. Asked once per hour of
 * time.
 */
function pacificOffset(ms: number): { text: string; ms: number } {
  const hour = Math.floor(ms / 3_600_000);
  const known = offsetByHour.get(hour);
  if (known) return known;
  const name = pacific.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT-08:00';
  const text = /[+-]\d\d:\d\d/.exec(name)?.[0] ?? '-08:00';
  const sign = text.startsWith('-') ? -1 : 1;
  const offset = { text, ms: sign * (Number(text.slice(1, 3)) * 3_600_000 + Number(text.slice(4, 6)) * 60_000) };
  offsetByHour.set(hour, offset);
  return offset;
}

let lastSecond = { ms: -1, text: '' };

/** `2015-07-22T13:57:27-07:00`: MetaData times, whole seconds (quickbooks.md §2.1). */
export function secondsTime(ms: number): string {
  const second = Math.floor(ms / 1000) * 1000;
  if (lastSecond.ms !== second) {
    const offset = pacificOffset(second);
    lastSecond = { ms: second, text: new Date(second + offset.ms).toISOString().slice(0, 19) + offset.text };
  }
  return lastSecond.text;
}

/** `2015-07-22T13:57:27.84-07:00`: the `time` of an answer, ms without closing zeros (sample A2.1). */
export function answerTime(ms: number): string {
  const offset = pacificOffset(ms);
  const text = new Date(ms + offset.ms).toISOString().slice(0, 23);
  return text.replace(/\.?0+$/, '') + offset.text;
}
