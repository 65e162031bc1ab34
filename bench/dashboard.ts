/**
 * What an open dashboard costs the daemon: CPU time of its process with a browser that shows the
 * overview, against the same time without, 1,000 functions in four folders and a few requests to
 * each. Needs Linux and Chromium.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { readScriptLine } from '../scripts/command-line.ts';
import { askAdmin, changeAdmin, socketOf } from '../test/support/admin.ts';
import { chromiumPath, startBrowser } from '../test/support/browser.ts';
import { TestDaemon } from '../test/support/daemon.ts';
import { startDnsServer } from '../test/support/dns-server.ts';
import { TestFolder } from '../test/support/folder.ts';
import { ask } from '../test/support/http.ts';
import { median } from './report.ts';

const folders = ['alice', 'bob', 'carol', 'dave'];
const functionsPerFolder = 250;
const requestsPerSecond = 20;
/** Of `/proc/PID/stat`, as Linux has it everywhere. */
const ticksPerSecond = 100;

const { flags } = readScriptLine({
  command: 'node bench/dashboard.ts',
  about: 'What an open dashboard costs the daemon, in CPU time. Needs Linux and Chromium.',
  flags: {
    seconds: { kind: 'number', fallback: 30, min: 1, means: 'Of each round, with and without' },
    rounds: { kind: 'number', fallback: 3, min: 1, isWhole: true, means: 'How many' },
  },
});
if (chromiumPath === undefined) throw new Error('Cannot measure: Chromium must be there');

using mount = new TestFolder();
const dns = await startDnsServer();
for (const name of folders) {
  for (let at = 0; at < functionsPerFolder; at += 1)
    mount.put('hello', `public/${name}/f${at}.wasm`);
  dns.table.set(`_keybase_pages.${name}.test`, { txt: [`kbp=/keybase/public/${name}`] });
}
const mounted = ['--mount', `/keybase=${mount.directory}`];
await using daemon = await TestDaemon.start({
  args: [...mounted, '--dns', `${dns.host}:${dns.port}`],
});
const visit = async (folder: string, at: number): Promise<void> => {
  const { status } = await ask(daemon.port, `/f${at}.wasm`, { host: `${folder}.test` });
  if (status !== 200) throw new Error(`Cannot measure: /f${at}.wasm of ${folder} said ${status}`);
};
for (const folder of folders) {
  for (let at = 0; at < functionsPerFolder; at += 1) await visit(folder, at);
}

let visits = 0;
const traffic = setInterval(() => {
  visits += 1;
  const folder = folders[visits % folders.length] ?? '';
  visit(folder, (visits * 7) % functionsPerFolder).catch((error: unknown) => {
    console.error(String(error));
  });
}, 1_000 / requestsPerSecond);

const { json } = await changeAdmin(socketOf(daemon), 'POST', '/v1/dashboard', {});
const browser = await startBrowser();
const page = await (await browser.newContext()).newPage();
await page.goto(json.url);
await page.waitForSelector('.tiles');
const origin = new URL(json.url).origin;

/** CPU time of the daemon in so much time, as a share of one core. */
async function shareOfCore(seconds: number): Promise<number> {
  const before = cpuSeconds(daemon.child.pid ?? 0);
  const startedAt = performance.now();
  await wait(seconds * 1_000);
  const passed = (performance.now() - startedAt) / 1_000;
  return (cpuSeconds(daemon.child.pid ?? 0) - before) / passed;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

const { rounds, seconds } = flags;
const costs: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  await page.goto('about:blank');
  await wait(3_000);
  const without = await shareOfCore(seconds);
  await page.goto(`${origin}/#/overview`);
  await page.waitForSelector('.u-wrap canvas');
  await wait(5_000);
  const open = await shareOfCore(seconds);
  costs.push(open - without);
  const [one, other] = [without, open].map((share) => `${(share * 100).toFixed(2)} %`);
  console.log(`round ${round + 1}: ${one} without, ${other} with`);
}
const { json: metrics } = await askAdmin(
  socketOf(daemon),
  '/v1/top?of=module&windowS=3600&limit=500',
);
console.log(
  `functions told: ${metrics.rows.length} and more, of ${folders.length * functionsPerFolder}`,
);
console.log(
  `an open dashboard costs ${(median(costs) * 100).toFixed(2)} % of one core (at most 3)`,
);
clearInterval(traffic);
await browser.close();
await dns.close();
