import { expect, test } from 'vitest';
import { TerrafirmaError } from '../../../src/errors.ts';
import { LookupCache } from '../../../src/outside/dns/lookup-cache.ts';

test('a rejected lookup is not remembered, and everybody who waited hears of it', async () => {
  const cache = new LookupCache<number>({ entriesMax: 10, nowMs: () => 0 });
  let looks = 0;
  const fail = async (): Promise<never> => {
    looks += 1;
    throw new TerrafirmaError('overloaded');
  };
  const results = await Promise.allSettled([cache.get('a', fail), cache.get('a', fail)]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(looks).toBe(1);
  await expect(cache.get('a', fail)).rejects.toThrow(TerrafirmaError);
  expect(looks).toBe(2);
});

test('no more entries are kept than allowed', async () => {
  const cache = new LookupCache<number>({ entriesMax: 3, nowMs: () => 0 });
  for (let index = 0; index < 10; index += 1) {
    await cache.get(`k${index}`, async () => ({ kind: 'found', value: index, expiresAtMs: 1 }));
  }
  expect(cache.size).toBe(3);
});

test('what is forgotten while it is looked up is asked anew, and not kept', async () => {
  const cache = new LookupCache<string>({ entriesMax: 10, nowMs: () => 0 });
  const found = (value: string) => ({ kind: 'found', value, expiresAtMs: 1 }) as const;
  const older = Promise.withResolvers<ReturnType<typeof found>>();
  const first = cache.get('name', () => older.promise);
  cache.forget('name');
  expect(await cache.get('name', async () => found('newer'))).toEqual(found('newer'));
  older.resolve(found('older'));
  expect(await first).toEqual(found('older'));
  expect(cache.peek('name')).toEqual(found('newer'));
});
