/**
 * The owners' dashboard in a real browser (skipped where there is none): signing in by writing a
 * file, and the pages of one folder. With SCREENSHOTS=DIR it leaves pictures of each there.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, complaintsOf, startBrowser } from '../support/browser.ts';
import { SecureWorld } from '../support/secure-daemon.ts';
import { askHttp1 } from '../support/tls-client.ts';

const pictures = process.env.SCREENSHOTS;
const timeout = 600_000;
const panel = 'panel.test';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const isPossible = chromiumPath !== undefined && process.platform === 'linux';

describe.skipIf(!isPossible)('the owners’ dashboard in a browser (skipped without one)', () => {
  let world: SecureWorld;
  let browser: Browser;
  const folder = (): string => world.mount.path('public/alice');

  beforeAll(async () => {
    world = await SecureWorld.prepare();
    world.dns.table.set(panel, { a: ['127.0.0.1'] });
    world.point('alice.test');
    const env = {
      TERRAFIRMA_DASHBOARD_HOST_NAME: panel,
      TERRAFIRMA_LIMITS_CERTIFICATE_WAIT_MS: '120000',
      TERRAFIRMA_LIMITS_HEADER_TIMEOUT_MS: '120000',
    };
    await world.startDaemon({ env, args: ['--quiet-ms', '50', '--poll-ms', '200'] });
    for (let count = 0; count < 20; count += 1) await visit();
    browser = await startBrowser([`--host-resolver-rules=MAP ${panel} 127.0.0.1`]);
  });

  afterAll(async () => {
    await browser?.close();
    await world?.[Symbol.asyncDispose]();
  });

  async function visit(): Promise<void> {
    await askHttp1(world.tlsPort, '/hello.wasm', { serverName: 'alice.test', ca: world.ca });
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    writeFileSync(join(pictures, `${name}.png`), await page.screenshot({ fullPage: true }));
  }

  async function check(page: Page, name: string): Promise<void> {
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      // biome-ignore lint/suspicious/noExplicitAny: the library sets a global.
      const { violations } = await (globalThis as any).axe.run();
      // biome-ignore lint/suspicious/noExplicitAny: its answer has no types here.
      return violations.map((one: any) => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`);
    });
    expect([name, found]).toEqual([name, []]);
    await picture(page, name);
  }

  test.each(['light', 'dark'] as const)(
    'who writes the file is signed in, and sees his folder, in %s',
    { timeout },
    async (colorScheme) => {
      const context = await browser.newContext({ colorScheme, ignoreHTTPSErrors: true });
      const page = await context.newPage();
      await page.goto(`https://${panel}:${world.tlsPort}/`);
      await page.waitForSelector('text=Your site');
      const complaints = complaintsOf(page);
      await check(page, `owner-door-${colorScheme}`);
      await page.fill('input', 'alice.test');
      await page.keyboard.press('Enter');
      const shown = await page.waitForSelector('pre');
      await check(page, `owner-code-${colorScheme}`);
      const file = (await shown.textContent()) ?? '';
      expect(file).toMatch(/^\.terrafirma\/sign-in\/[0-9a-z]{20}$/);
      mkdirSync(join(folder(), '.terrafirma/sign-in'), { recursive: true });
      writeFileSync(join(folder(), file), '');
      await page.waitForSelector('h1:has-text("/keybase/public/alice")');
      await visit();
      await page.waitForSelector('.log .line');
      await check(page, `owner-site-${colorScheme}`);
      await page.getByRole('link', { name: 'Sessions' }).click();
      await page.waitForSelector('text=this one');
      await check(page, `owner-sessions-${colorScheme}`);
      await page.getByRole('link', { name: 'Host names' }).click();
      await page.waitForSelector('td:has-text("alice.test")');
      await page.waitForSelector('.findings li');
      await check(page, `owner-names-${colorScheme}`);
      await page.getByRole('link', { name: 'Log' }).click();
      await page.waitForSelector('.log .line');
      expect(await page.locator('.log').textContent()).toContain('alice.test/hello.wasm');
      expect(complaints).toEqual([]);
      await context.close();
    },
  );
});
