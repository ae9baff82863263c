import type { ErrorRequestHandler, Request } from 'express';
import { BooksError, GrantError } from '../core/ports.ts';
import { ProblemError, describe, problem } from '../core/problems.ts';
import type { WebConfig } from './config.ts';
import { BadInput, ScreenError } from './errors.ts';
import { requestIdOf } from './log.ts';
import type { Failure } from './present/failure.ts';
import { wantsFragment, type Render } from './render.ts';

/** The one place where a failure becomes an answer: a page, the sheet's content, or one line in the place for trouble. Never a stack. */
export function onError(render: Render, { log }: Pick<WebConfig, 'log'>): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) return next(error);
    const failure = failureOf(error, req);
    if (failure.status >= 500) log.error({ reqId: failure.requestId, ...traceOf(error) }, 'a request failed');
    if (wantsFragment(req) && req.get('HX-Target') !== 'div#sheet-body') {
      res.set({ 'HX-Retarget': '#trouble', 'HX-Reswap': 'innerHTML' });
      return render(req, res, 'failure/line', failure, { status: failure.status });
    }
    return render(req, res, 'failure/page', failure, { status: failure.status, title: failure.title });
  };
}

/** Names and places in our own code, no messages: a message may quote what was sent. */
function traceOf(error: unknown): { kind: string; at: readonly string[] } {
  if (!(error instanceof Error)) return { kind: typeof error, at: [] };
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { kind: error.name, at: lines.slice(0, 6).map((line) => line.trim()) };
}

function failureOf(error: unknown, req: Request): Failure {
  const requestId = requestIdOf(req);
  const known = knownFailure(error);
  if (known !== null) return { ...known, requestId };
  return {
    status: 500, title: 'Something went wrong here', requestId,
    sentence: 'Linarc Class Sync could not finish this.',
    next: 'Nothing that was saved is lost. Try again; if it stays, send the number below to support.',
  };
}

function knownFailure(error: unknown): Omit<Failure, 'requestId'> | null {
  if (error instanceof ScreenError) return { status: error.status, title: error.title, sentence: error.message, next: error.next };
  if (error instanceof ProblemError) {
    const { title, sentence, next } = describe(error.problem);
    return { status: 502, title, sentence, next };
  }
  if (error instanceof BooksError || error instanceof GrantError) {
    const { title, sentence, next } = describe(problem('quickbooks_unreachable'));
    return { status: 502, title, sentence, next };
  }
  const status = bodyFault(error);
  return status === null ? null : knownFailure(status);
}

/** What the body parser refuses, in our words. */
function bodyFault(error: unknown): BadInput | null {
  if (!(error instanceof Error) || !('type' in error) || typeof error.type !== 'string') return null;
  if (error.type === 'entity.too.large' || error.type === 'parameters.too.many') {
    return new BadInput('What was sent is larger than this app takes.', 'Select fewer codes one by one; Select All has no limit.', 413);
  }
  return /^(entity|encoding|charset|request|stream)\./.test(error.type) ? new BadInput('What was sent could not be read.') : null;
}
