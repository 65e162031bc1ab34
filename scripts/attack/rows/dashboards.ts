import { setTimeout as pause } from 'node:timers/promises';
import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { PanelBrowser } from '../panel-browser.ts';
import { PANEL_NAME } from '../stage.ts';

const BROWSERS = 20;
/** More than a browser gets. */
const STREAMS_EACH = 8;
const CODE_ASKERS = 40;
/** Of the function whose lines they look for. */
const LOG_BYTES_A_RUN = 16_384;
const RETRY_MS = 20;
const folder = encodeURIComponent('/keybase/public/mallory');
/** What a page asks for, and what looks through all of the log for nothing. */
const PATHS = [
  '/v1/log?limit=500&level=fatal',
  '/v1/log?limit=500',
  '/v1/traces/none',
  '/v1/deploys',
  '/v1/top?windowS=3600',
  `/v1/folders/${folder}`,
];

/** The dashboard is of the control plane, which everybody's deploys and first visits wait for. */
export const dashboards: Attack = {
  name: 'dashboards',
  what:
    `an owner in ${BROWSERS} browsers with open streams who asks for his log all the time, ` +
    `${CODE_ASKERS} others who ask for codes`,
  needsTls: true,
  environment: { TERRAFIRMA_DASHBOARD_HOST_NAME: PANEL_NAME },
  async prepare(stage) {
    const body = `(local $count i32)
      (loop $again
        (call $debug (i32.const 0) (i32.const 256))
        (local.set $count (i32.add (local.get $count) (i32.const 256)))
        (br_if $again (i32.lt_u (local.get $count) (i32.const ${LOG_BYTES_A_RUN}))))`;
    const text = `(data (i32.const 0) "${'log me '.repeat(40)}")`;
    stage.put('mallory', 'log.wasm', await terrariumGuest(body, text));
    stage.name('mallory.example', 'mallory');
  },
  async attack(target, signal) {
    const { port } = target;
    const log = () => ({ port, host: 'mallory.example', path: '/log.wasm' });
    const browsers = Array.from({ length: BROWSERS }, (_, at) => new PanelBrowser(target, at));
    signal.addEventListener('abort', () => {
      for (const browser of browsers) browser.close();
    });
    await Promise.all([
      flood(log, { connections: 4, signal }),
      ...browsers.map((browser) => lookOn(browser, signal)),
      ...Array.from({ length: CODE_ASKERS }, (_, at) =>
        askForCodes(new PanelBrowser(target, BROWSERS + at), signal),
      ),
    ]);
  },
};

/** Signs in, opens streams anew as soon as one ends, and asks without a pause. */
async function lookOn(browser: PanelBrowser, signal: AbortSignal): Promise<void> {
  while (!(await browser.signIn('mallory', 'mallory.example', signal)) && !signal.aborted) {
    await pause(RETRY_MS);
  }
  const headers = { accept: 'text/event-stream' };
  const stream = async (): Promise<void> => {
    while (!signal.aborted) {
      await browser.ask('GET', '/v1/events?topics=log,deploys', undefined, headers);
      await pause(RETRY_MS);
    }
  };
  const ask = async (): Promise<void> => {
    for (let count = 0; !signal.aborted; count += 1) {
      const { status } = await browser.ask('GET', PATHS[count % PATHS.length] ?? '/');
      if (status !== 200) await pause(RETRY_MS);
    }
  };
  await Promise.all([...Array.from({ length: STREAMS_EACH }, stream), ask(), ask()]);
}

async function askForCodes(browser: PanelBrowser, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count += 1) {
    await browser.askForCode(`name${count}.example`);
    await pause(RETRY_MS);
  }
  browser.close();
}
