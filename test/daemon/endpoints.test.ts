import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canSharePorts, formatEndpoint, settleEndpoints } from '../../src/daemon/endpoints.ts';
import { PortClaims } from '../../src/daemon/port-claims.ts';

let claims: PortClaims;

beforeEach(() => {
  claims = new PortClaims();
});

afterEach(() => claims[Symbol.dispose]());

/** Two servers on ports that follow each other; the first port. */
async function listenSideBySide(): Promise<{
  readonly port: number;
  readonly servers: readonly Server[];
}> {
  for (;;) {
    const first = await listenOn(0);
    const { port } = first.address() as AddressInfo;
    try {
      return { port, servers: [first, await listenOn(port + 1)] };
    } catch {
      // Somebody else has the next port: from another one.
      first.close();
    }
  }
}

async function listenOn(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
  return server;
}

describe('settleEndpoints()', () => {
  test('turns port 0 into a real port and leaves it free', async () => {
    const [endpoint] = await settleEndpoints([{ host: '127.0.0.1', port: 0 }], claims);
    expect(endpoint?.port).toBeGreaterThan(0);
    expect(await settleEndpoints([endpoint ?? { host: '', port: 0 }], claims)).toEqual([endpoint]);
  });

  test.each([false, true])('refuses a port in use, with reusePort %s', async (reusePort) => {
    if (reusePort && !(await canSharePorts())) return;
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen({ host: '127.0.0.1', port: 0, reusePort }, resolve);
    });
    const { port } = server.address() as AddressInfo;
    await expect(settleEndpoints([{ host: '127.0.0.1', port }], claims)).rejects.toMatchObject({
      code: 'start',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    server.close();
  });

  test('goes on to the next port where that is wanted, as often as wanted', async () => {
    const { port, servers } = await listenSideBySide();
    const wanted = [{ host: '127.0.0.1', port }];
    await expect(settleEndpoints(wanted, claims, 2)).rejects.toMatchObject({ code: 'start' });
    const [moved] = await settleEndpoints(wanted, claims, 20);
    expect(moved?.port).toBeGreaterThan(port + 1);
    for (const server of servers) server.close();
  });

  test.skipIf(process.platform !== 'linux')(
    'who starts at the same time waits until this daemon listens, and sees it then',
    async () => {
      const [free] = await settleEndpoints([{ host: '127.0.0.1', port: 0 }], claims);
      const wanted = [free ?? { host: '', port: 0 }];
      await settleEndpoints(wanted, claims);
      using others = new PortClaims();
      let isSettled = false;
      const other = settleEndpoints(wanted, others).finally(() => {
        isSettled = true;
      });
      const refused = expect(other).rejects.toMatchObject({ code: 'start' });
      // The same work on another port: by its end the other one would have been through, too.
      await settleEndpoints([{ host: '127.0.0.1', port: 0 }], new PortClaims());
      expect(isSettled).toBe(false);
      const server = await listenOn(free?.port ?? 0);
      claims[Symbol.dispose]();
      await refused;
      server.close();
    },
  );

  test('a daemon that ends before it listens leaves its port to who waits', async () => {
    const [free] = await settleEndpoints([{ host: '127.0.0.1', port: 0 }], claims);
    const wanted = [free ?? { host: '', port: 0 }];
    await settleEndpoints(wanted, claims);
    using others = new PortClaims();
    const other = settleEndpoints(wanted, others);
    claims[Symbol.dispose]();
    expect(await other).toEqual(wanted);
  });

  test('refuses an address that is not of this machine', async () => {
    await expect(settleEndpoints([{ host: '192.0.2.1', port: 0 }], claims)).rejects.toThrow(
      /must be one of this machine: received 192\.0\.2\.1:0/,
    );
  });
});

describe('formatEndpoint()', () => {
  test('puts brackets around IPv6', () => {
    expect(formatEndpoint({ host: '::1', port: 80 })).toBe('[::1]:80');
    expect(formatEndpoint({ host: '127.0.0.1', port: 80 })).toBe('127.0.0.1:80');
  });
});
