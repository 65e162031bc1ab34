/** What a node is told of others' writes, however many spaces it reads. */
import { expect, test } from 'vitest';
import type { Space } from '../../../../src/outside/store/contract.ts';
import { NatsServers, natsProgram } from '../../../support/nats-servers.ts';
import { openNatsStore, settingsOf } from './world.ts';

/** As in `Notices`: above so many, whole streams are followed. */
const spacesMax = 500;
const key = Buffer.from('key');
const wait = { deadlineMs: 10_000 };

test.skipIf(natsProgram === undefined)(
  'writes of others are read soon in each of very many spaces',
  { timeout: 120_000 },
  async () => {
    const servers = await NatsServers.start({ count: 1 });
    const [one, other] = ['one', 'other'].map((node) =>
      openNatsStore(settingsOf(servers.urls, { node })),
    );
    if (one === undefined || other === undefined) throw new Error('there must be two');
    const spaceOf = (n: number): Space => ({ area: 'kv', name: `/keybase/public/u${n}\na.wasm` });
    const textOf = async (n: number): Promise<string> => {
      const [entry] = await one.read(spaceOf(n), [key]);
      return Buffer.from(entry?.value ?? '').toString();
    };
    try {
      const all = Array.from({ length: spacesMax + 50 }, (_, n) => n);
      await Promise.all(all.map((n) => textOf(n)));
      for (const n of [0, spacesMax / 2, spacesMax - 1, spacesMax + 1, spacesMax + 49]) {
        await textOf(n);
        const write = { key, op: 'put', value: Buffer.from(`now ${n}`) } as const;
        await other.commit(spaceOf(n), [write], wait);
        // Without a notice it would be believed for half a minute what was read before.
        await expect.poll(() => textOf(n), { timeout: 5_000 }).toBe(`now ${n}`);
      }
    } finally {
      await Promise.all([one.close(), other.close()]);
      await servers.close();
    }
  },
);
