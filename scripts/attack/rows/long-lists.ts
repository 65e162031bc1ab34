import { callingGuest } from '../../../test/support/component-calls.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** Empty values: as many as one call of the host may bring out of a guest. */
const VALUES = 10_000;
const PAGES = 2;

const libc = `(module
  (memory (export "memory") ${PAGES})
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))`;

/** A list is taken out of a guest value by value, by the host: in between nobody has a turn. */
export const longLists: Attack = {
  name: 'long-lists',
  what: `components that pass lists of ${VALUES} values again and again, 16 connections`,
  prepare(stage) {
    const lists = callingGuest({
      ...{ libc, beside: '(data (i32.const 1024) "x")' },
      calls: { 'wasi:http/types@0.2.0': { '[method]fields.set': '$set-field' } },
      code: `(local $held i32)
        (local.set $held (call $fields))
        (loop $again
          (call $set-field (local.get $held) (i32.const 1024) (i32.const 1)
            (i32.const 2048) (i32.const ${VALUES}) (i32.const 16))
          (br $again))`,
    });
    stage.put('mallory', 'lists.wasm', lists);
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/lists.wasm' }), {
      connections: 16,
      clients: 4,
      signal,
    }),
};
