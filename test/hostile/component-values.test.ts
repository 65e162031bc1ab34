/** What guests pass across the canonical ABI that is no value, or far too much of one. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../engine/world.ts';
import { makeComponent } from '../support/component-bytes.ts';
import { type CallingGuest, callingGuest, data } from '../support/component-calls.ts';

const http = 'wasi:http/types@0.2.0';
const random = 'wasi:random/random@0.2.0';
const clock = 'wasi:clocks/monotonic-clock@0.2.0';

const calls = {
  [http]: {
    '[method]fields.append': '$append',
    '[method]fields.set': '$set-field',
    '[static]fields.from-list': '$from-list',
    '[method]incoming-request.path-with-query': '$path',
    '[method]incoming-request.consume': '$consume',
    '[method]incoming-body.stream': '$stream',
    '[method]outgoing-request.set-method': '$method',
    '[constructor]outgoing-request': '$request-of',
    '[constructor]request-options': '$options',
    '[method]request-options.set-connect-timeout': '$timeout',
    '[method]request-options.connect-timeout': '$get-timeout',
    '[resource-drop]fields': '$drop-fields',
    '[resource-drop]incoming-request': '$drop-request',
    '[resource-drop]response-outparam': '$drop-out',
  },
  'wasi:io/streams@0.2.0': { '[method]input-stream.read': '$read' },
  'wasi:io/poll@0.2.0': { '[method]pollable.ready': '$ready', poll: '$poll' },
  [clock]: { 'subscribe-duration': '$after', 'subscribe-instant': '$at' },
  [random]: { 'get-random-bytes': '$random' },
};

const ok = '(call $answer (local.get $out) (i32.const 1024) (i32.const 2))';

/** `ok`, or why it trapped. */
async function endOf(guest: Omit<CallingGuest, 'calls'>): Promise<string> {
  using engine = new Engine({ limits: { cpuMsMax: 500 } });
  const beside = `${data(1024, 'ok')} ${guest.beside ?? ''}`;
  const loaded = engine.load(callingGuest({ ...guest, calls, beside }));
  const { text, report } = await engine.run(loaded, { target: '/guest.wasm/a/b' });
  return report.cause?.detail ?? report.error?.detail ?? text;
}

/** A list of so many lists, each at the same place. */
const manyLists = (count: number, length: number): string => `
  (local $i i32)
  (loop $next
    (i32.store (i32.add (i32.const 2048) (i32.mul (local.get $i) (i32.const 8))) (i32.const 0))
    (i32.store (i32.add (i32.const 2052) (i32.mul (local.get $i) (i32.const 8)))
      (i32.const ${length}))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $i) (i32.const ${count}))))
  (call $set-field (call $fields) (i32.const 1024) (i32.const 2)
    (i32.const 2048) (i32.const ${count}) (i32.const 16))`;

describe('a value traps', () => {
  test.each<[string, string, RegExp]>([
    [
      'a list at the end of memory',
      '(call $from-list (i32.const 131064) (i32.const 1) (i32.const 16))',
      /linear memory/,
    ],
    [
      'a list at 2^32 - 4',
      '(call $from-list (i32.const -4) (i32.const 1) (i32.const 16))',
      /linear memory/,
    ],
    [
      'a list not aligned',
      '(call $from-list (i32.const 2050) (i32.const 1) (i32.const 16))',
      /multiples of 4/,
    ],
    [
      'a list whose length times its size is more than 2^32',
      '(call $from-list (i32.const 2048) (i32.const 0x20000001) (i32.const 16))',
      /at most 10000/,
    ],
    [
      'an empty list beyond memory',
      '(call $from-list (i32.const -16) (i32.const 0) (i32.const 16))',
      /inside of it/,
    ],
    ['2,000 lists of 60 KB at one place', manyLists(2_000, 60_000), /at most 16 MiB/],
    [
      'a case past the last',
      `(drop (call $method (call $request-of (call $fields))
        (i32.const 10) (i32.const 0) (i32.const 0)))`,
      /one of 10 cases/,
    ],
    [
      'an overlong form of UTF-8',
      `(i32.store16 (i32.const 2048) (i32.const 0xafc0))
       (call $append (call $fields) (i32.const 2048) (i32.const 2)
         (i32.const 0) (i32.const 0) (i32.const 16))`,
      /must be UTF-8/,
    ],
    [
      'a surrogate in UTF-8',
      `(i32.store (i32.const 2048) (i32.const 0x80a0ed))
       (call $append (call $fields) (i32.const 2048) (i32.const 3)
         (i32.const 0) (i32.const 0) (i32.const 16))`,
      /must be UTF-8/,
    ],
    [
      'a string of 2^28 bytes',
      `(call $append (call $fields) (i32.const 0) (i32.const 0x10000000)
         (i32.const 0) (i32.const 0) (i32.const 16))`,
      /at most/,
    ],
    ['random bytes without measure', '(call $random (i64.const -1) (i32.const 16))', /at most/],
    ['a poll of nothing', '(call $poll (i32.const 2048) (i32.const 0) (i32.const 16))', /one poll/],
  ])('%s', async (_, code, reason) => {
    expect(await endOf({ code })).toMatch(reason);
  });
});

describe('a value that is no safe number', () => {
  test.each([
    ['as a length to read', '(call $read (call $open-body) (i64.const -1) (i32.const 16))'],
    ['as a duration', '(drop (call $ready (call $after (i64.const -1))))'],
    ['as an instant', '(drop (call $ready (call $at (i64.const -1))))'],
    [
      'as a timeout, and comes back',
      `(local $options i32) (local.set $options (call $options))
       (drop (call $timeout (local.get $options) (i32.const 1) (i64.const -1)))
       (call $get-timeout (local.get $options) (i32.const 2048))
       (if (i64.ne (i64.load (i32.const 2056)) (i64.const -1)) (then unreachable))`,
    ],
  ])('does no harm %s', async (_, code) => {
    const beside = `
      (global $request (mut i32) (i32.const 0))
      (func $open-body (result i32)
        (call $consume (global.get $request) (i32.const 2048))
        (call $stream (i32.load (i32.const 2052)) (i32.const 2048))
        (i32.load (i32.const 2052)))`;
    const whole = code.replace(
      /^((?:\s*\(local \$options i32\))?)/,
      '$1 (global.set $request (local.get $request))',
    );
    expect(await endOf({ code: `${whole} ${ok}`, beside })).toBe('ok');
  });
});

describe('an allocator', () => {
  const libc = (realloc: string): string => `(module
    (memory (export "memory") 2)
    (table 1 funcref)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) ${realloc}))`;
  const wants = `(call $path (local.get $request) (i32.const 2048)) ${ok}`;

  test.each<[string, string, RegExp]>([
    ['that answers 0 is believed', '(i32.const 0)', /^ok$/],
    ['that grows memory is right', '(i32.mul (memory.grow (i32.const 1)) (i32.const 65536))', /ok/],
    ['that points past the end', '(i32.const 0x7fffffff)', /realloc answered/],
    ['that points at the last byte', '(i32.const 131071)', /realloc answered/],
    ['that computes without end', '(loop (br 0)) (i32.const 0)', /more than/],
    ['that traps', 'unreachable', /unreachable/],
    [
      'that grows memory without end',
      '(loop (br_if 0 (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable',
      /unreachable|memory/,
    ],
  ])('%s', async (_, realloc, end) => {
    expect(await endOf({ code: wants, libc: libc(realloc) })).toMatch(end);
  });

  test('that calls out ends the run', async () => {
    const calling = `(module
      (type $any (func (result i32)))
      (memory (export "memory") 2)
      (table (export "table") 1 funcref)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (call_indirect (type $any) (i32.const 0))))`;
    const imports = '(import "libc" "table" (table 1 funcref))';
    const beside = '(func $out (result i32) (call $fields)) (elem declare func $out)';
    const code = `(table.set (i32.const 0) (ref.func $out)) ${wants}`;
    const end = await endOf({ code, libc: calling, imports, beside });
    expect(end).toMatch(/while the host called the guest/);
  });

  test('that is not aligned ends the run', async () => {
    const append = '(call $random (i64.const 8) (i32.const 2048))';
    const entries = `${append} ${ok}`;
    expect(await endOf({ code: entries, libc: libc('(i32.const 65537)') })).toBe('ok');
    const poll = `
      (i32.store (i32.const 2048) (call $after (i64.const 0)))
      (call $poll (i32.const 2048) (i32.const 1) (i32.const 2064)) ${ok}`;
    expect(await endOf({ code: poll, libc: libc('(i32.const 65537)') })).toMatch(
      /realloc answered 65537/,
    );
  });
});

describe('handles', () => {
  test.each<[string, string, RegExp]>([
    ['2^31', '(call $drop-fields (i32.const 0x80000000))', /names nothing/],
    ['-1', '(call $drop-fields (i32.const -1))', /names nothing/],
    ['one of another kind', '(call $drop-fields (local.get $out))', /another kind/],
    [
      'one that was dropped',
      '(call $drop-request (local.get $request)) (call $drop-request (local.get $request))',
      /names nothing/,
    ],
    [
      'one that was given away',
      '(drop (call $response (call $fields))) (call $drop-out (local.get $out)) (unreachable)',
      /unreachable/,
    ],
    [
      'one with something made of it',
      `(call $consume (local.get $request) (i32.const 2048))
       (call $stream (i32.load (i32.const 2052)) (i32.const 2056))
       (call $drop-body (i32.load (i32.const 2052)))`,
      /dropped first/,
    ],
  ])('%s cannot be used', async (_, code, reason) => {
    const beside = '';
    const withBody = { ...calls[http], '[resource-drop]incoming-body': '$drop-body' };
    using engine = new Engine();
    const guest = callingGuest({ calls: { ...calls, [http]: withBody }, code, beside });
    const { report } = await engine.run(engine.load(guest));
    expect(report.cause?.detail ?? report.error?.detail).toMatch(reason);
  });

  test('that are left at the end are gone, and their numbers begin anew', async () => {
    const code = `
      (local $i i32)
      (loop $next
        (drop (call $fields))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 5000))))
      (i32.store8 (i32.const 1024)
        (i32.add (i32.const 48) (i32.eq (call $fields) (i32.const 5003))))
      (call $answer (local.get $out) (i32.const 1024) (i32.const 1))`;
    using engine = new Engine();
    const loaded = engine.load(callingGuest({ code }));
    for (let run = 0; run < 5; run += 1) expect((await engine.run(loaded)).text).toBe('1');
  });

  test('the right to answer, dropped, leaves no answer', async () => {
    expect(await endOf({ code: '(call $drop-out (local.get $out))' })).toMatch(/sets its answer/);
  });
});

describe('a destructor', () => {
  const libc = (destroy: string): string => `(module
    (type $any (func (param i32)))
    (memory (export "memory") 2)
    (table (export "table") 1 funcref)
    (func (export "destroy") (param i32) ${destroy})
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))`;
  const imports = `
    (import "libc" "table" (table 1 funcref))
    (import "own" "new" (func $new (param i32) (result i32)))
    (import "own" "drop" (func $drop (param i32)))
    (import "own" "rep" (func $rep (param i32) (result i32)))`;
  const indirect = '(call_indirect (type $any) (local.get 0) (i32.const 0))';

  test.each<[string, string, string, RegExp]>([
    ['is called with what it destroys', '(i32.store8 (i32.const 1024) (local.get 0))', '', /^Zk$/],
    ['traps', 'unreachable', '', /unreachable/],
    ['computes without end', '(loop (br 0))', '', /CPU|more than/],
    [
      'drops what is gone',
      indirect,
      '(func $again (param i32) (call $drop (i32.load (i32.const 2048))))',
      /names nothing/,
    ],
    [
      'makes another, and is called for it, without end',
      indirect,
      '(func $again (param i32) (call $drop (call $new (local.get 0))))',
      /CPU|more than|call stack|depth/,
    ],
  ])('that %s', async (_, destroy, again, end) => {
    const begin = again === '' ? '' : '(table.set (i32.const 0) (ref.func $again))';
    const beside = again === '' ? '' : `${again} (elem declare func $again)`;
    const code = `
      ${begin}
      (i32.store (i32.const 2048) (call $new (i32.const 90)))
      (if (i32.ne (call $rep (i32.load (i32.const 2048))) (i32.const 90)) (then unreachable))
      (call $drop (i32.load (i32.const 2048)))
      ${ok}`;
    const guest = { code, libc: libc(destroy), imports, beside, destructor: 'destroy' };
    expect(await endOf(guest)).toMatch(end);
  });

  test('is not called for what is left at the end', async () => {
    const code = `(drop (call $new (i32.const 90))) ${ok}`;
    const guest = { code, libc: libc('unreachable'), imports, destructor: 'destroy' };
    expect(await endOf(guest)).toBe('ok');
  });
});

describe('what is called after the export', () => {
  const run = (after: string, beside = ''): Uint8Array =>
    makeComponent({
      wat: `(module
        (import "libc" "memory" (memory 1))
        (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
        ${beside}
        (func (export "run") (result i32) (i32.const 0))
        (func (export "after") (param i32) ${after}))`,
      imports: { 'wasi:cli/exit@0.2.0': ['exit'] },
      exports: ['wasi:cli/run@0.2.0', 'run'],
      postReturn: 'after',
    });

  test.each([
    ['calls out', '(call $exit (i32.const 0))', /while the host called the guest/],
    ['computes without end', '(loop (br 0))', /more than/],
    ['traps', 'unreachable', /unreachable/],
  ])('ends the run when it %s', async (_, after, reason) => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(run(after)));
    expect(report.cause?.detail ?? report.error?.detail).toMatch(reason);
  });
});
