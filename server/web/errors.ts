/** A failure the person sees as a page or a fragment; the class of the meaning owns its status and words. */
export class ScreenError extends Error {
  readonly status: number;
  readonly title: string;
  readonly next: string;

  constructor(status: number, title: string, sentence: string, next: string) {
    super(sentence);
    this.name = new.target.name;
    this.status = status;
    this.title = title;
    this.next = next;
  }
}

/** An unknown path, or something that is not this company's: both look the same from outside. */
export class NotFound extends ScreenError {
  constructor(what = 'page') {
    super(404, 'Not found', `There is no such ${what} in this company.`, 'Go back to the cost codes and choose again.');
  }
}

export class BadInput extends ScreenError {
  constructor(sentence: string, next = 'Go back, correct it and send it again.', status: 400 | 413 | 422 = 400) {
    super(status, 'Not understood', sentence, next);
  }
}

export class NotAllowed extends ScreenError {
  constructor(sentence: string, next: string) {
    super(403, 'Not allowed', sentence, next);
  }
}

/** A write that did not come from our own pages (engineering.md §4.2). */
export class ForeignRequest extends ScreenError {
  constructor() {
    super(403, 'Not accepted', 'This request did not come from a page of Linarc Class Sync.', 'Open the app and do it there.');
  }
}
