/** What runs the official suite of WASI 0.3, with a program and a service of our own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkCase03, readSkipList03 } from '../../scripts/conformance/wasi3.ts';
import { commandGuest, noCallback } from '../support/async-guests.ts';
import { TestFolder } from '../support/folder.ts';

const service = join(import.meta.dirname, '../guests/components/rust/service03.wasm');

/** Writes `hello` where there is one who reads, and ends with the code. */
const speaks = (code: number): Uint8Array =>
  commandGuest(`(data (i32.const 1024) "hello") ${noCallback}
    (func (export "run") (result i32)
      (local $ends i64)
      (local.set $ends (call $stream))
      (drop (call $write-via (i32.wrap_i64 (local.get $ends))))
      (local.set $ends (i64.shr_u (local.get $ends) (i64.const 32)))
      (drop (call $write (i32.wrap_i64 (local.get $ends)) (i32.const 1024) (i32.const 5)))
      (call $close (i32.wrap_i64 (local.get $ends)))
      (call $return (i32.const ${code}))
      (i32.const 0))`);

test('each program on the skip list says why', () => {
  for (const reason of readSkipList03().values()) expect(reason.length).toBeGreaterThan(20);
});

test('a program passes that does what is written, and no other', async () => {
  using folder = new TestFolder();
  folder.write('good.wasm', speaks(0));
  expect(await checkCase03(folder.path('good.wasm'))).toBeUndefined();
  folder.write('bad.wasm', speaks(1));
  expect(await checkCase03(folder.path('bad.wasm'))).toBe('fresh: exit code 1\nhello');
  const steps = (payload: string): string =>
    JSON.stringify({
      operations: [
        { type: 'run' },
        { type: 'read', id: 'stdout', payload },
        { type: 'wait', exit_code: 1 },
      ],
    });
  folder.write('bad.json', steps('hello'));
  expect(await checkCase03(folder.path('bad.wasm'))).toBeUndefined();
  folder.write('bad.json', steps('good bye'));
  expect(await checkCase03(folder.path('bad.wasm'))).toBe(
    'fresh: expected good bye: received hello',
  );
  folder.write('nothing.wasm', 'nothing');
  expect(await checkCase03(folder.path('nothing.wasm'))).toMatch(/^Cannot /);
});

test('a service passes that answers as is written, and no other', async () => {
  using folder = new TestFolder();
  folder.write('service.wasm', readFileSync(service));
  const asks = (body: string): string =>
    JSON.stringify({
      world: 'wasi:http/service',
      operations: [
        { type: 'run' },
        { type: 'request', method: 'GET', path: '/', response: { status: 200, body } },
        { type: 'wait' },
      ],
    });
  folder.write('service.json', asks('hello'));
  expect(await checkCase03(folder.path('service.wasm'))).toBeUndefined();
  folder.write('service.json', asks('good bye'));
  const fault = 'GET /: expected the body good bye: received hello';
  expect(await checkCase03(folder.path('service.wasm'))).toBe(fault);
}, 120_000);
