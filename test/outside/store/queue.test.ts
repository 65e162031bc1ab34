import { expect, test } from 'vitest';
import type { FolderKey, ModulePath } from '../../../src/names.ts';
import { type Arrived, OwnerQueues } from '../../../src/outside/store/queue.ts';
import { moduleSpace } from '../../../src/outside/store/spaces.ts';

let nextId = 0;
function write(who: string, valueBytes: number): Arrived<string> {
  nextId += 1;
  return {
    from: who,
    request: {
      ...moduleSpace(`/keybase/public/${who}` as FolderKey, 'kv.wasm' as ModulePath),
      id: nextId,
      nowMs: 0,
      waitMs: 0,
      writes: [
        {
          key: new Uint8Array(1),
          op: 'put',
          value: new Uint8Array(valueBytes),
        },
      ],
    },
  };
}

function ownersOf(transaction: readonly Arrived<string>[]): string {
  return transaction.map(({ request }) => request.name.slice(16, 17)).join('');
}

test('small writes of many owners are one transaction, in order for each', () => {
  const queues = new OwnerQueues<string>();
  const writes = ['alice', 'bob', 'alice', 'carol', 'bob'].map((who) => write(who, 10));
  for (const one of writes) queues.push(one);
  const taken = queues.takeTransaction();
  expect(ownersOf(taken)).toBe('aabbc');
  const ids = taken.map(({ request }) => request.id);
  expect([ids[0], ids[1]]).toEqual([...ids.slice(0, 2)].sort());
  expect(queues.isEmpty).toBe(true);
});

test('a write larger than a transaction goes alone, and others in between', () => {
  const queues = new OwnerQueues<string>();
  for (let n = 0; n < 10; n += 1) queues.push(write('mallory', 4 * 1024 * 1024));
  const seen: string[] = [];
  for (let turn = 0; turn < 200 && !queues.isEmpty; turn += 1) {
    if (turn < 60) queues.push(write('alice', 100));
    seen.push(ownersOf(queues.takeTransaction()));
  }
  expect(seen.every((owners) => owners === 'm' || /^a+$/.test(owners))).toBe(true);
  // Alice never waits for more than one of them, and they are not kept waiting for ever.
  expect(seen.join(' ')).not.toContain('m m a');
  expect(seen.filter((owners) => owners === 'm').length).toBe(10);
  expect(seen.slice(0, 60)).toContain('m');
});

test('a transaction has at most a mebibyte and a thousand writes', () => {
  const queues = new OwnerQueues<string>();
  for (let n = 0; n < 30; n += 1) queues.push(write('alice', 100 * 1024));
  expect(queues.takeTransaction().length).toBe(10);
  const many = new OwnerQueues<string>();
  for (let n = 0; n < 1_500; n += 1) many.push(write('alice', 0));
  expect(many.takeTransaction().length).toBe(1_000);
  expect(many.takeTransaction().length).toBe(500);
});
