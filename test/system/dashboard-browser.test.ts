/**
 * The dashboard in a real browser (skipped where there is none): both themes, the keyboard, a
 * phone, hostile lines, a rollback by button. With SCREENSHOTS=DIR it leaves pictures of each page
 * there.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../commands/program.ts';
import { askAdmin, socketOf } from '../support/admin.ts';
import { chromiumPath, complaintsOf, startBrowser } from '../support/browser.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { guestBytes, padded, TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const pictures = process.env.SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** A ceiling for broken runs: the accessibility check of a long page takes seconds. */
const timeout = 600_000;
const settings = [
  ...['[[cron]]', 'schedule = "0 0 1 1 *"', 'module = "app.wasm"', '[kv.notes]'],
  ...['[config]', 'theme = "plain"'],
].join('\n');
const hostile = '<img src=x onerror=alert(1)>';

describe.skipIf(chromiumPath === undefined)(
  'the dashboard in a browser (skipped without one)',
  () => {
    const folder = new TestFolder();
    let daemon: TestDaemon;
    let dns: DnsServer;
    let browser: Browser;
    let address: string;
    let traffic: NodeJS.Timeout;
    let folderKey = '';
    /** The id of a request whose trace there is. */
    let traced = '';
    const key = (): string => encodeURIComponent(folderKey);

    beforeAll(async () => {
      for (const [guest, name] of [
        ['hello', 'index.wasm'],
        ['spin', 'render.wasm'],
        ['trap', 'checkout.wasm'],
        ['debug', 'debug.wasm'],
        ['kv', 'counter.wasm'],
        ['v1', 'app.wasm'],
      ] as const) {
        folder.put(guest, name);
      }
      folder.write('broken.wasm', 'no module');
      dns = await startDnsServer({ 'shop.example': { a: ['127.0.0.1'] } });
      folder.write('terrafirma.toml', settings);
      daemon = await TestDaemon.start({
        args: [
          ...[folder.directory, '--quiet-ms', '50', '--poll-ms', '200'],
          ...['--dns', `${dns.host}:${dns.port}`],
        ],
        env: { TERRAFIRMA_TELEMETRY_SAMPLE_RATIO: '1' },
      });
      await fetch(daemon.url);
      const { json } = await askAdmin(socketOf(daemon), '/v1/folders');
      folderKey = json.folders[0].folder;
      traffic = setInterval(visitSome, 40);
      browser = await startBrowser();
      const { code, stdout } = await runProgram(['dashboard', '--state', daemon.stateDirectory]);
      expect(code).toBe(0);
      address = new URL(stdout.trim()).origin;
      const page = await open('light', stdout.trim());
      await page.context().storageState({ path: folder.path('.browser.json') });
      await page.context().close();
    });

    afterAll(async () => {
      clearInterval(traffic);
      await browser?.close();
      await daemon?.[Symbol.asyncDispose]();
      await dns?.close();
      folder[Symbol.dispose]();
    });

    // A page that stays open keeps two of the four streams that its browser may have.
    afterEach(async () => {
      for (const context of browser.contexts()) await context.close();
    });

    let visits = 0;

    function visitSome(): void {
      visits += 1;
      const wave = 1 + Math.round(2 + 2 * Math.sin(visits / 60));
      const paths = [
        '/',
        '/render.wasm/2',
        '/app.wasm',
        '/counter.wasm/upsert?visits=12',
        '/debug.wasm',
      ];
      for (let count = 0; count < wave; count += 1) {
        const path = visits % 25 === 0 ? '/checkout.wasm' : (paths[(visits + count) % 5] ?? '/');
        // What becomes of it is the daemon's to tell.
        ask(daemon.port, path).catch(() => undefined);
      }
    }

    async function open(
      colorScheme: 'light' | 'dark',
      url: string,
      options: {
        readonly width?: number;
        readonly height?: number;
        readonly signedIn?: boolean;
      } = {},
    ): Promise<Page> {
      const { width = 1280, height = 900, signedIn = false } = options;
      const context = await browser.newContext({
        colorScheme,
        viewport: { width, height },
        deviceScaleFactor: 1,
        ...(signedIn ? { storageState: folder.path('.browser.json') } : {}),
      });
      const page = await context.newPage();
      await page.goto(url);
      await page.waitForSelector('main h1');
      return page;
    }

    const places = (): readonly (readonly [name: string, place: string, ready: string])[] => [
      ['overview', '#/overview', '.u-wrap canvas'],
      ['sites', '#/sites', 'table'],
      ['site', `#/site/${key()}`, '.log .line'],
      ['function', `#/function/${key()}/app.wasm`, 'text=Versions'],
      ['refused', `#/function/${key()}/broken.wasm`, '.why'],
      ['log', '#/log', '.log .line'],
      ['request', `#/request/${traced}`, 'text=Trace '],
      ['daemon', '#/daemon', '.meter'],
      ['names', '#/names/shop.example', '.findings li'],
      ['keys', `#/keys/${key()}/counter.wasm`, 'text=Keys that begin with'],
      ['operators', '#/operators', 'text=What operators did'],
    ];

    test.each(['light', 'dark'] as const)(
      'every page is whole in %s, and says nothing bad',
      async (scheme) => {
        await fetch(`${daemon.url}/broken.wasm`);
        const counted = await fetch(`${daemon.url}/counter.wasm/upsert?visits=3`);
        traced = counted.headers.get('x-request-id') ?? '';
        for (const [name, place, ready] of places()) {
          const page = await open(scheme, `${address}/${place}`, { signedIn: true });
          const complaints = complaintsOf(page);
          await page.reload();
          await page.waitForSelector(ready);
          expect([name, await page.title()]).toEqual([name, expect.stringContaining('terrafirma')]);
          await page.evaluate(axe);
          const found = await page.evaluate(async () => {
            // biome-ignore lint/suspicious/noExplicitAny: the library sets a global.
            const { violations } = await (globalThis as any).axe.run();
            // biome-ignore lint/suspicious/noExplicitAny: its answer has no types here.
            return violations.map((one: any) => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`);
          });
          expect([name, found]).toEqual([name, []]);
          expect([name, complaints]).toEqual([name, []]);
          await picture(page, `${name}-${scheme}`);
          await page.context().close();
        }
      },
    );

    async function picture(page: Page, name: string): Promise<void> {
      if (pictures === undefined) return;
      mkdirSync(pictures, { recursive: true });
      writeFileSync(join(pictures, `${name}.png`), await page.screenshot({ fullPage: true }));
    }

    /** The page's policy allows no function made of a text: the text is looked at here. */
    async function whenTold(page: Page, place: string, text: string): Promise<void> {
      await waitFor(async () =>
        (await page.locator(place).first().textContent())?.includes(text) ? true : undefined,
      );
    }

    test('nothing is wider than a phone of 320 pixels', { timeout }, async () => {
      for (const [name, place, ready] of places()) {
        const size = { width: 320, height: 640, signedIn: true };
        const page = await open('light', `${address}/${place}`, size);
        await page.waitForSelector(ready);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect([name, Number(width) <= 320]).toEqual([name, true]);
        await picture(page, `${name}-phone`);
        await page.context().close();
      }
    });

    test('the door shows how to get in, and a wrong token is told', async () => {
      const page = await open('light', `${address}/`);
      await page.waitForSelector('text=terrafirma dashboard');
      await picture(page, 'sign-in-light');
      await page.fill('input[type=password]', 'x'.repeat(40));
      await page.keyboard.press('Enter');
      await page.waitForSelector('[role=alert]');
      await page.context().close();
    });

    test('a version is rolled back by the keyboard, and the answer changes', async () => {
      folder.replace('app.wasm', padded(guestBytes('v2'), 1));
      const bodyOf = async (): Promise<string> => (await ask(daemon.port, '/app.wasm')).text;
      await waitFor(async () => ((await bodyOf()) === 'version 2\n' ? true : undefined));
      const page = await open('light', `${address}/#/function/${key()}/app.wasm`, {
        signedIn: true,
      });
      const button = page.getByRole('button', { name: /^Roll back to / });
      await button.focus();
      await page.keyboard.press('Enter');
      await page.waitForSelector('dialog[open]');
      await picture(page, 'rollback-light');
      await page.getByRole('button', { name: 'Roll back', exact: true }).last().focus();
      await page.keyboard.press('Enter');
      await page.waitForSelector('[role=status]:has-text("again")');
      expect(await bodyOf()).toBe('version 1\n');
      await page.getByRole('button', { name: 'Unpin' }).click();
      await page.locator('dialog[open]').getByRole('button', { name: 'Unpin' }).click();
      await page.waitForSelector('[role=status]:has-text("newest")');
      expect(await bodyOf()).toBe('version 2\n');
      await page.context().close();
    });

    test('markup and controls in a line of the log are shown, and do nothing', async () => {
      const page = await open('light', `${address}/#/log`, { signedIn: true });
      let isFooled = false;
      page.on('dialog', () => {
        isFooled = true;
      });
      await page.waitForSelector('.log .line');
      const path = `/${encodeURI(hostile)}%1b%5b31m%e2%80%aeevil`;
      await fetch(`${daemon.url}${path}`);
      await ask(daemon.port, '/', { host: 'b<b>x', headers: {} });
      await whenTold(page, '.log', 'onerror');
      expect(await page.locator('.log img').count()).toBe(0);
      expect(isFooled).toBe(false);
      const text = (await page.locator('.log').textContent()) ?? '';
      expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
      await page.context().close();
    });

    test('the log goes on live under many requests, and holds still when told to', async () => {
      const page = await open('light', `${address}/#/log`, { signedIn: true });
      await page.waitForSelector('.live.open >> nth=1');
      const many = Array.from({ length: 500 }, (_each, at) => ask(daemon.port, `/none-${at}`));
      await Promise.all(many);
      await whenTold(page, '.log', 'none-');
      const lines = await page.locator('.log .line').count();
      expect(lines).toBeGreaterThan(100);
      expect(lines).toBeLessThanOrEqual(500);
      await page.getByRole('button', { name: 'Hold' }).click();
      await ask(daemon.port, '/while-held');
      await whenTold(page, '.log-bar', 'held');
      expect(await page.locator('.log').textContent()).not.toContain('while-held');
      await page.getByRole('button', { name: 'Go on' }).click();
      await whenTold(page, '.log', 'while-held');
      await page.context().close();
    });

    test('the plots are there as tables, too', async () => {
      const page = await open('light', `${address}/#/overview`, { signedIn: true });
      await waitFor(async () =>
        (await page.locator('.u-wrap canvas').count()) >= 3 ? true : undefined,
      );
      await page.locator('details summary').first().click();
      await page.waitForSelector('details table td.number');
      await page.context().close();
    });
  },
);
