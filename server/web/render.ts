import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ejs from 'ejs';
import type { Request, Response } from 'express';
import type { Shell } from './present/shell.ts';
import type { Views } from './views.ts';

type Template = (model: Readonly<Record<string, unknown>>) => string;

/** Turns a view and its model into HTML. Views see only their own model, as `locals`, and `locals.part` for the views inside them. */
export interface Renderer {
  part<V extends keyof Views>(view: V, model: Views[V]): string;
  page<V extends keyof Views>(view: V, model: Views[V], shell: Shell): string;
}

/**
 * Compiles every view under `root` once, at the start, so that a fault in any of them shows then. Without EJS's `with`, a misspelt bare
 * name throws (engineering.md §2.2).
 */
export function createRenderer(root: string): Renderer {
  const templates = new Map<string, Template>();
  const sheets = new Set<string>();
  const fill = (name: string, model: object): string => {
    const template = templates.get(name);
    if (template === undefined) throw new Error(`There is no view ${name}`);
    return template({ ...model, part: fill });
  };

  for (const name of viewNames(root)) {
    const filename = join(root, `${name}.ejs`);
    const options = { filename, _with: false, strict: true, views: [root], cache: true };
    const source = readFileSync(filename, 'utf8');
    if (source.startsWith(SHEET)) sheets.add(name);
    templates.set(name, ejs.compile(source, options) as Template);
  }
  return {
    part: fill,
    page: (view, model, shell) => fill('layout', { shell, body: fill(view, model), plain: sheets.has(view) }),
  };
}

/** What a view begins with that is drawn beside the table. As a page of its own it is a plain one: there is no table to swap into. */
const SHEET = '<section class="sheet-page';

/** The names of all views below a folder, as `part` takes them. */
export function viewNames(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ejs'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replace(/\.ejs$/, ''));
}

/** Whether htmx asked for a piece of the page. A history restore asks for the full page and says so (engineering.md §2.3). */
export function wantsFragment(req: Request): boolean {
  return req.get('HX-Request-Type') === 'partial';
}

export type Render = <V extends keyof Views>(
  req: Request, res: Response, view: V, model: Views[V], options?: { status?: number; title?: string },
) => void;

/** One answer for both faces: the view alone for htmx, the view in the layout otherwise. */
export function createRender(renderer: Renderer, shellOf: (req: Request, title: string) => Shell): Render {
  return (req, res, view, model, { status = 200, title = '' } = {}) => {
    res.status(status).vary('HX-Request-Type').type('html');
    res.send(wantsFragment(req) ? renderer.part(view, model) : renderer.page(view, model, shellOf(req, title)));
  };
}
