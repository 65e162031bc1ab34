/** A real browser for tests of the dashboard; undefined where there is none. */
import { existsSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const chromiumPath = [process.env.CHROMIUM, ...places].find(
  (place) => place !== undefined && existsSync(place),
);

export async function startBrowser(args: readonly string[] = []): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  return await chromium.launch({
    executablePath: chromiumPath ?? '',
    args: ['--no-sandbox', '--disable-gpu', ...args],
  });
}

/** What a page should never say: refusals of its own policy, and errors of its script. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return complaints;
}
