/**
 * Pictures of the dashboard for docs/images: a shop of our own guests, some minutes of visitors, a
 * deploy that goes well and one that does not.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BrowserContext } from 'playwright-core';
import { askAdmin, changeAdmin, socketOf } from '../test/support/admin.ts';
import { chromiumPath, startBrowser } from '../test/support/browser.ts';
import { TestDaemon } from '../test/support/daemon.ts';
import { guestBytes, TestFolder } from '../test/support/folder.ts';
import { readScriptLine } from './command-line.ts';

const guests = {
  'index.wasm': 'hello',
  'thumbnails.wasm': 'spin',
  'checkout.wasm': 'trap',
  'cart.wasm': 'kv',
  'search.wasm': 'v1',
  'mail.wasm': 'debug',
} as const;
const paths = [
  '/',
  '/thumbnails.wasm/2',
  '/search.wasm',
  '/cart.wasm/upsert?visits=12',
  '/mail.wasm',
];
const size = { width: 1_180, height: 860 };
/** Until a page has looked at everything once. */
const settleMs = 5_000;

const { flags, rest } = readScriptLine({
  command: 'node scripts/screenshots.ts',
  about: 'Pictures of the dashboard; docs/images gets them, or DIR. Needs Chromium.',
  flags: {
    minutes: { kind: 'number', fallback: 5, min: 1, means: 'Of visitors, before and after' },
  },
  rest: { usage: '[DIR]', max: 1 },
});
if (chromiumPath === undefined) throw new Error('Cannot make pictures: Chromium must be there');
const directory = rest[0] ?? path.join(import.meta.dirname, '../docs/images');
const partMs = (flags.minutes * 60_000) / 4;

using folder = new TestFolder();
for (const [name, guest] of Object.entries(guests)) folder.put(guest, `shop/${name}`);
await using daemon = await TestDaemon.start({ args: [folder.path('shop')] });
let turns = 0;
const traffic = setInterval(visit, 100);

/** More and less in waves; one in forty fails. */
function visit(): void {
  turns += 1;
  const count = 1 + Math.round(3 + 3 * Math.sin(turns / 160) + Math.sin(turns / 23));
  for (let at = 0; at < count; at += 1) {
    const target = turns % 40 === 0 ? '/checkout.wasm' : paths[(turns * 7 + at) % paths.length];
    const asked = fetch(`${daemon.url}${target}`).then((response) => response.text());
    // What becomes of it is what the pictures show.
    asked.catch(() => undefined);
  }
}

await wait(2 * partMs);
folder.replace('shop/search.wasm', guestBytes('v2'));
await wait(partMs);
folder.replace('shop/search.wasm', 'no module');
await wait(partMs);

const { json: opened } = await changeAdmin(socketOf(daemon), 'POST', '/v1/dashboard', {});
const { json: told } = await askAdmin(socketOf(daemon), '/v1/folders');
const key = encodeURIComponent(told.folders[0].folder);
const browser = await startBrowser();
mkdirSync(directory, { recursive: true });
const light = await browser.newContext({ colorScheme: 'light', viewport: size });
await (await light.newPage()).goto(opened.url);
await wait(settleMs);
const storageState = await light.storageState();
const dark = await browser.newContext({ colorScheme: 'dark', viewport: size, storageState });
await take(light, 'overview', '#/overview');
await take(dark, 'function', `#/function/${key}/search.wasm`);
clearInterval(traffic);
await browser.close();

async function take(context: BrowserContext, name: string, place: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${new URL(opened.url).origin}/${place}`);
  await wait(settleMs);
  writeFileSync(path.join(directory, `${name}.png`), await page.screenshot());
}
