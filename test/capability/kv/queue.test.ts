import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterAll, expect, test } from 'vitest';
import { type Arrived, OwnerQueues } from '../../../src/capability/kv/queue.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';

const { port1, port2 } = new MessageChannel();
const port: MessagePort = port1;
afterAll(() => {
  port1.close();
  port2.close();
});

let nextId = 0;
function write(who: string, valueBytes: number): Arrived {
  nextId += 1;
  return {
    port,
    request: {
      id: nextId,
      operation: 'insert',
      folderKey: `/keybase/public/${who}` as FolderKey,
      modulePath: 'kv.wasm' as ModulePath,
      key: new Uint8Array(1),
      value: new Uint8Array(valueBytes),
    },
  };
}

function ownersOf(transaction: readonly Arrived[]): string {
  return transaction.map(({ request }) => request.folderKey.slice(16, 17)).join('');
}

test('small writes of many owners are one transaction, in order for each', () => {
  const queues = new OwnerQueues();
  const writes = ['alice', 'bob', 'alice', 'carol', 'bob'].map((who) => write(who, 10));
  for (const one of writes) queues.push(one);
  const taken = queues.takeTransaction();
  expect(ownersOf(taken)).toBe('aabbc');
  const ids = taken.map(({ request }) => request.id);
  expect([ids[0], ids[1]]).toEqual([...ids.slice(0, 2)].sort());
  expect(queues.isEmpty).toBe(true);
});

test('a write larger than a transaction goes alone, and others in between', () => {
  const queues = new OwnerQueues();
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
  const queues = new OwnerQueues();
  for (let n = 0; n < 30; n += 1) queues.push(write('alice', 100 * 1024));
  expect(queues.takeTransaction().length).toBe(10);
  const many = new OwnerQueues();
  for (let n = 0; n < 1_500; n += 1) many.push(write('alice', 0));
  expect(many.takeTransaction().length).toBe(1_000);
  expect(many.takeTransaction().length).toBe(500);
});
