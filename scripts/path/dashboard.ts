/** What the stranger sees in the browser, and does there: needs Chromium. */
import type { Page } from 'playwright-core';
import { chromiumPath, startBrowser } from '../../test/support/browser.ts';
import { waitFor } from '../../test/support/daemon.ts';
import { type Stage, see } from './stage.ts';

/** Why the broken module is refused, one click from the overview; then a rollback by button. */
export async function lookAtDashboard(stage: Stage): Promise<void> {
  if (chromiumPath === undefined) {
    see('the dashboard: skipped, there is no Chromium', true, '');
    return;
  }
  const { stdout } = await stage.run('dashboard');
  const link = stdout.trim();
  see('dashboard prints a link', link.startsWith('http://127.0.0.1:'), link);
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(link);
    await findOutWhy(page, stage);
    await rollBackByButton(page, stage);
  } finally {
    await browser.close();
  }
}

async function findOutWhy(page: Page, stage: Stage): Promise<void> {
  const fault = page.locator('.faults li', { hasText: stage.folderKey });
  await fault.first().waitFor();
  see('the overview says what is wrong now', true, await textOf(page, '.faults'));
  await fault.first().locator('a').first().click();
  await page.locator('td a', { hasText: 'broken.wasm' }).click();
  const why = await textOf(page, '.why');
  see('the page of the module says why', why.includes('refused'), why);
}

async function rollBackByButton(page: Page, stage: Stage): Promise<void> {
  const before = (await stage.visit('/hello.wasm')).text;
  stage.put('hello', 'hello.wasm');
  const after = await waitFor(async () => {
    const { text } = await stage.visit('/hello.wasm');
    return text === before ? undefined : text;
  });
  const folder = encodeURIComponent(stage.folderKey);
  await page.goto(`${new URL(page.url()).origin}/#/function/${folder}/hello.wasm`);
  await page
    .getByRole('button', { name: /^Roll back to / })
    .last()
    .click();
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  const now = await waitFor(async () => {
    const { text } = await stage.visit('/hello.wasm');
    return text === after ? undefined : text;
  });
  see('a button rolls back', now === before, `${before} became ${after} became ${now}`);
}

async function textOf(page: Page, place: string): Promise<string> {
  return (await page.locator(place).first().textContent()) ?? '';
}
