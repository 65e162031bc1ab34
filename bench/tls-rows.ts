/**
 * HTTPS on connections that are kept, against plain HTTP on the same serving thread, and the same
 * of servers of node's that do nothing else. Touches the file system, other processes (openssl
 * among them) and the network, on loopback only.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { measureRate } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, OwnCertificate, Server } from './servers.ts';
import { warmServing } from './serving-cpu.ts';

const connections = 32;
const usPerS = 1_000_000;
const warmSeconds = 3;

export async function measureTls({ rounds, seconds }: DaemonPlan): Promise<readonly Row[]> {
  using own = new OwnCertificate();
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  await using daemon = await Server.daemon(folder.directory, {
    TERRAFIRMA_TLS_LISTEN: '127.0.0.1:0',
    TERRAFIRMA_TLS_CERTIFICATE: `${own.certificate}=${own.key}`,
    TERRAFIRMA_TLS_REDIRECTS: 'false',
  });
  const urls = { plain: `${daemon.url}/small.wasm`, secure: `${daemon.secureUrl}/small.wasm` };
  await askUntil(urls.plain, () => true);
  await askSecurely(urls.secure, own);
  await using empty = await Server.empty();
  await using emptySecure = await Server.emptySecure(own);
  const load = { connections, seconds };
  const found = { plain: [] as number[], secure: [] as number[] };
  const least = { plain: [] as number[], secure: [] as number[] };
  await warmServing(daemon, '/small.wasm');
  for (const url of [urls.secure, empty.url, emptySecure.secureUrl]) {
    await measureRate(url, { connections, seconds: warmSeconds });
  }
  for (let round = 0; round < rounds; round += 1) {
    found.plain.push(await measureRate(urls.plain, load));
    found.secure.push(await measureRate(urls.secure, load));
    least.plain.push(await measureRate(empty.url, load));
    least.secure.push(await measureRate(emptySecure.secureUrl, load));
  }
  const unit = 'requests/s';
  const addedUs = (rates: typeof found): number =>
    median(rates.secure.map((rate, index) => usPerS / rate - usPerS / (rates.plain[index] ?? 0)));
  return [
    { name: 'small guest over plain HTTP', value: median(found.plain), unit },
    { name: 'small guest over HTTPS, kept connections', value: median(found.secure), unit },
    {
      name: 'HTTPS against plain HTTP',
      value: medianRatio(found.secure, found.plain),
      unit: 'x',
      goal: { atLeast: 0.8 },
    },
    {
      name: 'an empty node:https server against an empty node:http server',
      value: medianRatio(least.secure, least.plain),
      unit: 'x',
    },
    { name: 'what HTTPS adds to a request', value: addedUs(found), unit: 'us' },
    { name: 'what it adds to one of an empty server', value: addedUs(least), unit: 'us' },
  ];
}

/** Load generators trust any certificate: that it is this one, and answers 200, is seen here. */
async function askSecurely(url: string, { certificate }: OwnCertificate): Promise<void> {
  const request = get(url, { ca: readFileSync(certificate), agent: false });
  const [reply] = (await once(request, 'response')) as [IncomingMessage];
  reply.resume();
  if (reply.statusCode !== 200) {
    throw new Error(`Cannot measure ${url}: must answer 200: received ${reply.statusCode}`);
  }
}
