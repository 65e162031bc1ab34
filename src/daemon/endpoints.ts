/**
 * Settles what to listen on before the threads do. With `reusePort` a second daemon would share the
 * port silently and take half of the requests, so each port is bound exclusively first; that also
 * turns port 0 into a real one that all threads can share. Touches the network.
 */
import { type AddressInfo, createServer } from 'node:net';
import type { Endpoint } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import type { PortClaims } from './port-claims.ts';

/**
 * The endpoints with real ports.
 *
 * @param claims Keeps other daemons that start away from them, until it is disposed of.
 * @param portsTriedMax How many ports are tried, each one higher, where one is in use.
 * @throws TerrafirmaError `start` when one is in use or may not be bound.
 */
export async function settleEndpoints(
  wanted: readonly Endpoint[],
  claims: PortClaims,
  portsTriedMax = 1,
): Promise<readonly Endpoint[]> {
  const settled: Endpoint[] = [];
  for (const endpoint of wanted) {
    const isOpen = endpoint.descriptor !== undefined;
    settled.push(isOpen ? endpoint : await probeFrom(endpoint, claims, portsTriedMax));
  }
  return settled;
}

async function probeFrom(
  endpoint: Endpoint,
  claims: PortClaims,
  portsTriedMax: number,
): Promise<Endpoint> {
  for (let higher = 0; ; higher += 1) {
    const port = endpoint.port + higher;
    await claims.claim(port);
    try {
      return await probe({ ...endpoint, port });
    } catch (error) {
      const cause = error instanceof TerrafirmaError ? error.cause : undefined;
      const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
      if (!isTaken || higher + 1 >= portsTriedMax) throw error;
    }
  }
}

/** Whether several threads can listen on one port here; macOS, for one, does not offer it. */
export async function canSharePorts(): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: 0, reusePort: true }, resolve);
    });
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    // ENOTSUP, EINVAL or ENOPROTOOPT: every system has its own way to say so.
    return false;
  }
}

async function probe(endpoint: Endpoint): Promise<Endpoint> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: endpoint.host, port: endpoint.port, exclusive: true }, resolve);
    });
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, endpoint);
  }
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { host: endpoint.host, port };
}

function explain(error: NodeJS.ErrnoException, endpoint: Endpoint): TerrafirmaError {
  const received = formatEndpoint(endpoint);
  const reason = new Map([
    [
      'EADDRINUSE',
      'the port must be free: another program listens there; stop it or choose another',
    ],
    ['EACCES', 'ports below 1024 need CAP_NET_BIND_SERVICE; see systemd/terrafirma.service'],
    ['EADDRNOTAVAIL', 'the address must be one of this machine'],
    ['ENOTFOUND', 'the host must be an address of this machine or a name that has one'],
  ]).get(error.code ?? '');
  return new TerrafirmaError(
    'start',
    `Cannot listen: ${reason ?? error.message}: received ${received}`,
    {
      cause: error,
    },
  );
}

/** `host:port`, with brackets around IPv6. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
