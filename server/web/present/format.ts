const counts = new Intl.NumberFormat('en-US');
const utcTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZone: 'UTC',
});

/** A number with separators: 8774 → "8,774". */
export function count(n: number): string {
  return counts.format(n);
}

/** "1 cost code", "8,774 cost codes". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A moment for a `<time>`: the machine's form, and UTC in words until the browser puts it in the person's zone. */
export interface Moment {
  readonly iso: string;
  readonly utc: string;
}

export function moment(date: Date): Moment {
  return { iso: date.toISOString(), utc: `${utcTime.format(date)} UTC` };
}

export function momentOrNull(date: Date | null): Moment | null {
  return date === null ? null : moment(date);
}

/** A length of time in the largest two units that matter: 41 s, 3 min 20 s, 2 h 5 min. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 || minutes >= 10 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Words in a row with "and" before the last: "2 Synced, 1 Excluded and 3 gone". */
export function listed(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('');
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** First letters of the first and last word of a name, for the small badge of a person. */
export function initials(name: string): string {
  const words = name.split(/[\s@.]+/).filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase() || '?';
}
