import type { Library, LibraryEntry, LibraryPage } from '../../server/core/ports.ts';
import type { CostCode } from '../../server/core/records.ts';
import type { Engine } from './engine.ts';
import type { Machine, Site } from './machine.ts';

export type LibraryFault = 'unreachable' | 'doubled' | 'missing' | 'unreadable';

const PAGE = 25;

/** Linarc in memory: libraries that people change while they are read. Pages are cut anew for each call, so they shift. */
export class Linarc {
  /** By the Linarc company's id: its entries by theirs. */
  readonly libraries = new Map<string, Map<string, CostCode>>();
  /** Shares of all calls, or of all rows. */
  weather: Partial<Record<LibraryFault, number>> = {};
  private readonly site: Site;
  private readonly engine: Engine;

  constructor(site: Site, engine: Engine) {
    this.site = site;
    this.engine = engine;
  }

  library(id: string): Map<string, CostCode> {
    const found = this.libraries.get(id) ?? new Map<string, CostCode>();
    this.libraries.set(id, found);
    return found;
  }

  reached(machine: Machine): Library {
    const { chance } = this.site;
    const ask = <T>(companyId: string, work: (library: Map<string, CostCode>) => T): Promise<T> =>
      machine.call(`Linarc ${companyId}`, { there: chance.int(2, 20), back: chance.int(5, 100) }, async () => {
        if (this.strikes('unreachable')) throw this.trouble('linarc_unreachable');
        return work(this.library(companyId));
      });
    return {
      company: ({ companyId }) => ask(companyId, (library) => ({ id: companyId, name: `Library ${companyId}`, costCodeCount: library.size })),
      pages: ({ companyId }) => this.pages((start) => ask(companyId, (library) => this.page(library, start))),
      entries: ({ companyId }, ids) => ask(companyId, (library) => ids.flatMap((id) => entryOf(id, library.get(id)) ?? [])),
      find: async () => ({ entries: [], total: 0, next: null }),
      subscribe: async () => null,
      unsubscribe: async () => {},
    };
  }

  private async *pages(read: (start: number) => Promise<LibraryPage>): AsyncIterable<LibraryPage> {
    let seen = 0;
    for (let start = 0; ; start += PAGE) {
      const page = await read(start);
      seen += page.entries.length;
      yield page;
      if (start + PAGE < page.total) continue;
      if (seen < page.total) throw this.trouble('linarc_nonsense');
      return;
    }
  }

  private page(library: Map<string, CostCode>, start: number): LibraryPage {
    const rows = [...library].slice(start, start + PAGE).flatMap(([id, costCode]): LibraryEntry[] => {
      const entry = entryOf(id, costCode);
      if (!entry || this.strikes('missing')) return [];
      if (this.strikes('unreadable')) return [{ ...entry, costCode: null, unreadable: 'the entry has no code field' }];
      return this.strikes('doubled') ? [entry, entry] : [entry];
    });
    return { entries: rows, total: library.size };
  }

  private strikes(fault: LibraryFault): boolean {
    const hit = this.site.chance.hits(this.weather[fault] ?? 0);
    if (hit) this.site.count(`linarc ${fault}`);
    return hit;
  }

  private trouble(code: 'linarc_unreachable' | 'linarc_nonsense'): Error {
    return new this.engine.problems.ProblemError(this.engine.problems.problem(code));
  }
}

function entryOf(linarcId: string, costCode: CostCode | undefined): LibraryEntry | null {
  return costCode ? { linarcId, raw: { id: linarcId, ...costCode }, costCode, unreadable: null } : null;
}
