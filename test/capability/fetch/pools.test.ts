import { describe, expect, test } from 'vitest';
import type { Backend, Fetch } from '../../../src/capability/fetch/contract.ts';
import type { FetchGrant } from '../../../src/capability/fetch/grant.ts';
import type { FolderKey } from '../../../src/names.ts';
import { useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();

function plain(more: Partial<Backend> = {}): Backend {
  return { address: { isTls: false, host: '127.0.0.1', port: bench.server.port }, ...more };
}

describe('pools of connections', () => {
  /** Back-ends that differ have pools of their own. */
  function many(count: number): FetchGrant {
    const each = Array.from({ length: count }, (_, n): [string, Backend] => [
      `b${n}`,
      plain({ keepAliveMs: 10_000 + n }),
    ]);
    return { outbound: undefined, backends: new Map(each) };
  }

  test('are so many for an owner: one more pushes out her oldest, and nobody else’s', async () => {
    const outbound = bench.open({ poolsPerOwnerMax: 2 });
    const grant = many(3);
    const of = (folder: string) =>
      outbound.forRun({ folderKey: folder as FolderKey, loopHops: 0, grant });
    const alice = of('/keybase/public/alice/site');
    const mallory = of('/keybase/public/mallory/site');
    const send = (run: Fetch, backend: string) => bench.send(run, 'http://x.example/', { backend });
    await send(alice, 'b0');
    for (const name of ['b0', 'b1', 'b2']) await send(mallory, name);
    await expect.poll(() => bench.server.sockets.filter((each) => each.destroyed).length).toBe(1);
    expect(bench.server.sockets).toHaveLength(4);
    await send(alice, 'b0');
    await send(mallory, 'b2');
    expect(bench.server.sockets).toHaveLength(4);
    await send(mallory, 'b0');
    expect(bench.server.sockets).toHaveLength(5);
  });
});
