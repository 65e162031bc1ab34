/** Which programs a thread remembers, where there are too many. */
import { expect, test } from 'vitest';
import { noRunLimits } from '../../../src/engine/run/run-limits.ts';
import type { OwnerKey } from '../../../src/names.ts';
import type { LoadedModule } from '../../../src/threads/messages.ts';
import { World } from '../../support/abi-world.ts';
import { Engine, sharesOf, TestExchange } from '../world.ts';

const mib = 1024 * 1024;

/** A run that may have so much memory: of a program of its own, where that is less than all may. */
async function run(engine: Engine, loaded: LoadedModule, owner: string, memoryBytes?: number) {
  const shares = { ...sharesOf(), owner: owner as OwnerKey, site: owner };
  const limits = memoryBytes === undefined ? noRunLimits : { ...noRunLimits, memoryBytes };
  const exchange = new TestExchange({}, Buffer.alloc(0));
  return await engine.pool.acquire(loaded, shares, limits).run(exchange, new World());
}

test('compiledBytesMax: an owner who has many gives up own ones, and nobody else’s', async () => {
  using engine = new Engine({ limits: { compiledBytesMax: mib } });
  const code = { codeBytes: mib / 8 };
  const hers = { ...engine.load('hello'), ...code };
  const his = { ...engine.load('echo'), ...code };
  await run(engine, hers, '/alice');
  for (let round = 0; round < 3; round += 1) {
    for (let variant = 1; variant <= 20; variant += 1) {
      expect((await run(engine, his, '/mallory', variant * mib)).outcome).toBe('replied');
    }
  }
  const { created } = engine.pool.counts;
  expect((await run(engine, hers, '/alice')).outcome).toBe('replied');
  expect(engine.pool.counts.created).toBe(created);
  // His last ones are there, too, as many as there is room for.
  for (const variant of [20, 19, 18, 17, 16, 15, 14])
    await run(engine, his, '/mallory', variant * mib);
  expect(engine.pool.counts.created).toBe(created);
  await run(engine, his, '/mallory', 13 * mib);
  expect(engine.pool.counts.created).toBe(created + 1);
});
