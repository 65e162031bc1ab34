import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { canSharePorts, formatEndpoint, settleEndpoints } from '../../src/daemon/endpoints.ts';

describe('settleEndpoints()', () => {
  it('turns port 0 into a real port and leaves it free', async () => {
    const [endpoint] = await settleEndpoints([{ host: '127.0.0.1', port: 0 }]);
    expect(endpoint?.port).toBeGreaterThan(0);
    expect(await settleEndpoints([endpoint ?? { host: '', port: 0 }])).toEqual([endpoint]);
  });

  it.each([false, true])('refuses a port in use, with reusePort %s', async (reusePort) => {
    if (reusePort && !(await canSharePorts())) return;
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen({ host: '127.0.0.1', port: 0, reusePort }, resolve);
    });
    const { port } = server.address() as AddressInfo;
    await expect(settleEndpoints([{ host: '127.0.0.1', port }])).rejects.toMatchObject({
      code: 'start',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    server.close();
  });

  it('refuses an address that is not of this machine', async () => {
    await expect(settleEndpoints([{ host: '192.0.2.1', port: 0 }])).rejects.toThrow(
      /must be one of this machine: received 192\.0\.2\.1:0/,
    );
  });
});

describe('formatEndpoint()', () => {
  it('puts brackets around IPv6', () => {
    expect(formatEndpoint({ host: '::1', port: 80 })).toBe('[::1]:80');
    expect(formatEndpoint({ host: '127.0.0.1', port: 80 })).toBe('127.0.0.1:80');
  });
});
