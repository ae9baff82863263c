import { readFileSync } from 'node:fs';
import { openChromium } from './test/support/chromium.ts';
import { openShowroom } from './test/web/showroom.ts';
const room = await openShowroom();
const browser = await openChromium();
const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce' });
await room.show(page, 'settings');
await page.evaluate(readFileSync('node_modules/axe-core/axe.min.js', 'utf8'));
for (const media of [{ colorScheme: 'dark', forcedColors: 'none' }, { colorScheme: 'dark', forcedColors: 'active' }, { colorScheme: 'dark', forcedColors: 'active' }, { colorScheme: 'light', forcedColors: 'active' }] as const) {
await page.emulateMedia(media);
console.log(media, JSON.stringify(await page.evaluate('axe.run(document, { runOnly: { type: "rule", values: ["color-contrast"] } }).then((r) => r.violations.map((v) => v.nodes.map((n) => [n.html.slice(0,80), n.any[0].data.fgColor, n.any[0].data.bgColor])))')));
}
await browser.close();
room.close();
