/** What a spreadsheet program would take for the beginning of a formula, also behind apostrophes that stand there already. */
const FORMULA = /^'*[=+\-@\t\r\n\0]/;

/** A text as it may stand in a CSV cell: an apostrophe keeps what looks like a formula from being run (engineering.md §4.6). */
export function guarded(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** The text behind the guard: `unguarded(guarded(text))` is `text`, for codes such as `-01` are real (product.md §7.11). */
export function unguarded(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}
