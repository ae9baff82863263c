import type { Request, Response } from 'express';
import type { SavedViews } from '../core/views.ts';
import type { SheetWorld } from '../sync/spreadsheet.ts';
import type { WebConfig } from './config.ts';
import { paths } from './paths.ts';
import type { IntuitArt } from './present/intuit.ts';
import type { Notice } from './present/notice.ts';
import type { Render } from './render.ts';

/** A world that also keeps what people saved of the screen. */
export type ScreenWorld = SheetWorld & { readonly views: SavedViews };

/** What the routes are given. */
export interface Web {
  readonly world: ScreenWorld;
  readonly config: WebConfig;
  readonly render: Render;
  /** Intuit's drawings of its buttons, where they are there. */
  readonly art: IntuitArt;
}

/** Ends a write: says what was done and shows the page it was asked from, for forms and htmx alike. */
export function done(req: Request, res: Response, path: string, notice: Notice | null = null): void {
  if (notice !== null) req.session.notice = notice;
  res.redirect(303, path);
}

const PLACES = [
  paths.costCodes, paths.runs, paths.settings, paths.connect, paths.linarc, paths.spreadsheets, paths.team, paths.notices, paths.invitation,
];

/** A page of ours to go back to, as a form named it; anything else becomes `otherwise`, so that nobody can be sent elsewhere. */
export function backTo(given: unknown, otherwise: string = paths.costCodes): string {
  if (typeof given !== 'string' || !given.startsWith('/') || given.length > 2000) return otherwise;
  const base = 'http://own.invalid';
  if (!URL.canParse(given, base)) return otherwise;
  const { origin, pathname, search } = new URL(given, base);
  const isOurs = origin === base && PLACES.some((place) => pathname === place || pathname.startsWith(`${place}/`));
  return isOurs ? `${pathname}${search}` : otherwise;
}
