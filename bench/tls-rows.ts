/**
 * HTTPS on connections that are kept, against plain HTTP on the same serving thread. Touches the
 * file system, another process (openssl) and the network, on loopback only.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { measureRate } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, OwnCertificate, Server } from './servers.ts';

const connections = 32;

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
  const load = { connections, seconds };
  const found = { plain: [] as number[], secure: [] as number[] };
  await measureRate(urls.plain, load);
  for (let round = 0; round < rounds; round += 1) {
    found.plain.push(await measureRate(urls.plain, load));
    found.secure.push(await measureRate(urls.secure, load));
  }
  const unit = 'requests/s';
  return [
    { name: 'small guest over plain HTTP', value: median(found.plain), unit },
    { name: 'small guest over HTTPS, kept connections', value: median(found.secure), unit },
    {
      name: 'HTTPS against plain HTTP',
      value: medianRatio(found.secure, found.plain),
      unit: 'x',
      goal: { atLeast: 0.7 },
    },
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
