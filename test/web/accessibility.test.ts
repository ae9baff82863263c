import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { axeFaults } from '../support/axe.ts';
import { openChromium } from '../support/chromium.ts';
import { openShowroom, type Showroom } from './showroom.ts';
import { STATES } from './states.ts';

/** Rules that look at more than the markup, which is the same at every width and in every colour. */
const BY_LAYOUT = ['color-contrast', 'scrollable-region-focusable', 'target-size'];
const BY_COLOUR = ['color-contrast'];

interface Look {
  readonly name: string;
  readonly width: number;
  readonly media: Parameters<Page['emulateMedia']>[0];
  /** All rules when left out. */
  readonly rules?: readonly string[];
}

const LOOKS: readonly Look[] = [
  { name: 'light, 1280 px', width: 1280, media: { colorScheme: 'light' } },
  { name: 'dark, 1280 px', width: 1280, media: { colorScheme: 'dark' }, rules: BY_COLOUR },
  { name: 'forced colours, 1280 px', width: 1280, media: { colorScheme: 'dark', forcedColors: 'active' }, rules: BY_COLOUR },
  { name: 'light, 1920 px', width: 1920, media: { colorScheme: 'light', forcedColors: 'none' }, rules: BY_LAYOUT },
  { name: 'light, 768 px', width: 768, media: { colorScheme: 'light' }, rules: BY_LAYOUT },
  { name: 'light, 320 px', width: 320, media: { colorScheme: 'light' }, rules: BY_LAYOUT },
  { name: 'dark, 320 px', width: 320, media: { colorScheme: 'dark' }, rules: BY_COLOUR },
  { name: 'forced colours, 320 px', width: 320, media: { colorScheme: 'light', forcedColors: 'active' }, rules: BY_COLOUR },
];

/** So high that the bar at the foot covers nothing, for what is covered is too small a target. */
const HEIGHT = 3_000;

/** Pieces of pages, which stand in no page by themselves. */
const PIECES = new Set(['changed', 'mapping-branch']);

/** Pages worked on at once: the browser has a process for each. */
const AT_ONCE = 2;

describe('Every state for everyone', function () {
  this.timeout(60_000);
  const names = Object.keys(STATES).filter((one) => !PIECES.has(one));
  const found = new Map<string, Promise<string[]>>();
  let browser: Browser;
  let showroom: Showroom;
  let looking: Promise<unknown>;

  before(async () => {
    showroom = await openShowroom();
    browser = await openChromium();
    const pages = await Promise.all(Array.from({ length: AT_ONCE }, async () => (await browser.newContext({ reducedMotion: 'reduce' })).newPage()));
    const queues: Promise<unknown>[] = pages.map(() => Promise.resolve());
    for (const [n, name] of names.entries()) {
      const turn = n % AT_ONCE;
      const look = (queues[turn] as Promise<unknown>).then(() => faultsOf(pages[turn] as Page, name));
      found.set(name, look);
      queues[turn] = look.catch(() => {});
    }
    looking = Promise.all(queues);
  });
  after(async () => {
    await looking;
    await browser?.close();
    showroom?.close();
  });

  async function faultsOf(page: Page, name: string): Promise<string[]> {
    const faults: string[] = [];
    await page.emulateMedia({ colorScheme: 'light', forcedColors: 'none' });
    await showroom.show(page, name);
    for (const look of LOOKS) {
      await page.setViewportSize({ width: look.width, height: HEIGHT });
      await page.emulateMedia(look.media);
      const broken = await axeFaults(page, look.rules ? { rules: look.rules } : { also: ['target-size'] });
      faults.push(...broken.map((fault) => `${look.name}: ${fault}`));
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth') as number;
      if (wide > 0) faults.push(`${look.name}: ${wide} px wider than the window`);
    }
    return faults;
  }

  for (const name of names) {
    it(`${name} has no fault that axe knows, and fits its width`, async () => {
      expect(await found.get(name)).to.deep.equal([]);
    });
  }
});
