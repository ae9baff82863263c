/** What went wrong, for a page or a piece of one: cause, next step, and the number that finds it in the log. */
export interface Failure {
  readonly status: number;
  readonly title: string;
  readonly sentence: string;
  readonly next: string;
  readonly requestId: string;
}
