/** Edge: the file /etc/resolv.conf, which names the system's DNS servers. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Endpoint } from '../../config/config.ts';
import { describeError, TerrafirmaError } from '../../errors.ts';

/** As the system's own resolver (resolv.conf(5)): no more are looked at. */
const serversMax = 3;
const dnsPort = 53;

/** The servers of the file at `path`; without a file the local one, as resolv.conf(5) says. */
export async function readSystemServers(path = '/etc/resolv.conf'): Promise<readonly Endpoint[]> {
  try {
    return parseResolvConf(await readFile(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      return parseResolvConf('');
    }
    const detail = `Cannot read the DNS servers of the system: ${describeError(cause)}`;
    throw new TerrafirmaError('dns-failed', detail, { cause });
  }
}

/** The `nameserver` lines; IPv6 addresses may carry a scope (`fe80::1%eth0`). */
export function parseResolvConf(text: string): readonly Endpoint[] {
  const servers: Endpoint[] = [];
  for (const line of text.split('\n')) {
    const [keyword, host = ''] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword !== 'nameserver' || isIP(host) === 0) continue;
    if (servers.length < serversMax) servers.push({ host, port: dnsPort });
  }
  return servers.length > 0 ? servers : [{ host: '127.0.0.1', port: dnsPort }];
}
