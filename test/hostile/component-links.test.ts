/** Components whose imports and exports lie, or do harm when they start. */
import { describe, expect, test } from 'vitest';
import { Interfaces } from '../../src/abi/component/interfaces.ts';
import { compatibleName } from '../../src/wasm/component/names.ts';
import type { FuncType, ResourceType, ValueType } from '../../src/wasm/component/types.ts';
import { Engine } from '../engine/world.ts';
import { callingGuest } from '../support/component-calls.ts';

const http = 'wasi:http/types@0.2.0';
const interfaces = new Interfaces();

function typeOf(owner: string, name: string): FuncType {
  const type = interfaces.imports.get(compatibleName(owner))?.functions.get(name)?.type;
  if (type === undefined) throw new TypeError(`Cannot find ${owner}#${name}`);
  return type;
}

function own(name: string): ValueType {
  const resource = interfaces.imports.get(compatibleName(http))?.types.get(name) as ResourceType;
  return { kind: 'own', resource };
}

/** Why deploy refuses a guest. */
function refusal(guest: () => Uint8Array): string {
  using engine = new Engine();
  try {
    engine.load(guest());
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const hello = '(call $answer (local.get $out) (i32.const 1024) (i32.const 2))';
const ok = '(data (i32.const 1024) "ok")';

describe('deploy refuses', () => {
  test('a function of ours with another type: numbers would be taken for others', () => {
    const name = '[method]outgoing-response.set-status-code';
    const key = `${http}#${name}`;
    const { params, ...rest } = typeOf(http, name);
    const wide: FuncType = {
      ...rest,
      params: params.map((param) =>
        param.type.kind === 'u16' ? { ...param, type: { kind: 'u64' } } : param,
      ),
    };
    const calls = { [http]: { [name]: '$status' } };
    const guest = () =>
      callingGuest({ calls, code: hello, interfaces, importTypes: { [key]: wide } });
    expect(refusal(guest)).toMatch(/set-status-code.* has another type here/);
  });

  test('an interface that nobody has, and says where all of them are listed', () => {
    const owner = 'acme:rockets/launch@1.0.0';
    const foreign = new Interfaces();
    const random = foreign.imports.get(compatibleName('wasi:random/random@0.2.0'));
    if (random === undefined) throw new TypeError('Cannot find random');
    const imports = new Map([...foreign.imports, [compatibleName(owner), random]]);
    Object.assign(foreign, { imports });
    const calls = { [owner]: { 'get-random-u64': '$random' } };
    const type: FuncType = { kind: 'func', isAsync: false, params: [], result: { kind: 'u64' } };
    const importTypes = { [`${owner}#get-random-u64`]: type };
    const guest = () => callingGuest({ calls, code: hello, interfaces: foreign, importTypes });
    expect(refusal(guest)).toMatch(
      /unknown interface "acme:rockets\/launch@1\.0\.0"; .*docs\/guests\/components\.md.*wac plug/,
    );
  });

  test('fields where a request is expected', () => {
    const name = '[constructor]outgoing-response';
    const key = `${http}#${name}`;
    const { params, ...rest } = typeOf(http, name);
    const other: FuncType = {
      ...rest,
      params: params.map((param) => ({ ...param, type: own('outgoing-body') })),
    };
    const guest = () => callingGuest({ code: hello, interfaces, importTypes: { [key]: other } });
    expect(refusal(guest)).toMatch(/has another type here/);
  });

  test('a handler over other types than our requests', () => {
    const type: FuncType = {
      kind: 'func',
      isAsync: false,
      params: [
        { name: 'request', type: own('outgoing-request') },
        { name: 'response-out', type: own('response-outparam') },
      ],
      result: undefined,
    };
    const guest = () => callingGuest({ code: hello, interfaces, exportType: type });
    expect(refusal(guest)).toMatch(/must take our own requests/);
  });

  test('a function that no version has', () => {
    const key = 'wasi:random/random@0.2.0#get-all-bytes';
    const calls = { 'wasi:random/random@0.2.0': { 'get-all-bytes': '$all' } };
    const type: FuncType = { kind: 'func', isAsync: false, params: [], result: { kind: 'u64' } };
    const guest = () => callingGuest({ calls, code: hello, importTypes: { [key]: type } });
    expect(refusal(guest)).toMatch(/unknown function .*get-all-bytes/);
  });
});

describe('a component', () => {
  test('may use one resource by two versions of its interface', async () => {
    const second = 'wasi:io/streams@0.2.9';
    const calls = {
      [second]: {
        '[method]output-stream.check-write': '$check',
        '[method]output-stream.write': '$write',
      },
    };
    const code = `
      (local $response i32) (local $body i32) (local $stream i32)
      (local.set $response (call $response (call $fields)))
      (call $body (local.get $response) (i32.const 0))
      (local.set $body (i32.load (i32.const 4)))
      (call $set (local.get $out) (i32.const 0) (local.get $response)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
      (call $open (local.get $body) (i32.const 0))
      (local.set $stream (i32.load (i32.const 4)))
      (call $check (local.get $stream) (i32.const 16))
      (call $write (local.get $stream) (i32.const 1024) (i32.const 2) (i32.const 32))
      (call $drop-stream (local.get $stream))
      (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 32))`;
    using engine = new Engine();
    const guest = callingGuest({ calls, code, beside: ok, separate: [second] });
    const { text, report } = await engine.run(engine.load(guest));
    expect(report.cause?.detail).toBeUndefined();
    expect(text).toBe('ok');
  });

  test.each<[string, string, RegExp]>([
    ['computes without end', '(loop (br 0))', /CPU|more than/],
    ['traps', 'unreachable', /unreachable/],
    ['waits', '(call $block (call $after (i64.const -1)))', /no request yet|suspend|wall-clock/],
  ])('whose start %s answers nobody, and does no harm', async (_, start, reason) => {
    const calls = {
      'wasi:io/poll@0.2.0': { '[method]pollable.block': '$block' },
      'wasi:clocks/monotonic-clock@0.2.0': { 'subscribe-duration': '$after' },
    };
    const beside = `${ok} (func $begin ${start}) (start $begin)`;
    using engine = new Engine({ limits: { cpuMsMax: 50, wallMsMax: 3_000 } });
    const bad = engine.load(callingGuest({ calls, code: hello, beside }));
    const good = engine.load(callingGuest({ code: hello, beside: ok }));
    const { report } = await engine.run(bad);
    expect(report.error?.detail ?? report.cause?.detail ?? '').toMatch(reason);
    expect((await engine.run(good)).text).toBe('ok');
  });

  test.each(['copy', 'cards'] as const)(
    'whose start grows memory finds it so at each request: %s',
    async (restoreMode) => {
      const beside = `
        (func $begin (drop (memory.grow (i32.const 3)))
          (i32.store8 (i32.const 200000) (i32.const 120)))
        (start $begin)`;
      const code = `
        (i32.store8 (i32.const 200001) (i32.add (i32.const 48) (memory.size)))
        (drop (memory.grow (i32.const 1)))
        (call $answer (local.get $out) (i32.const 200000) (i32.const 2))`;
      using engine = new Engine({ restoreMode });
      const loaded = engine.load(callingGuest({ code, beside }));
      for (let run = 0; run < 3; run += 1) expect((await engine.run(loaded)).text).toBe('x5');
    },
  );

  test('grows memory to the limit, one module and then the other, and no further', async () => {
    const pages = 64;
    const libc = `(module
      (memory (export "memory") 2)
      (func (export "grow") (result i32) (memory.grow (i32.const 1)))
      (func (export "size") (result i32) (memory.size))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))`;
    const imports = `
      (import "libc" "grow" (func $libc-grow (result i32)))
      (import "libc" "size" (func $libc-size (result i32)))`;
    const code = `
      (loop $more
        (if (i32.ne (memory.size) (call $libc-size)) (then unreachable))
        (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
        (br_if $more (i32.ne (call $libc-grow) (i32.const -1))))
      (if (i32.ne (memory.size) (call $libc-size)) (then unreachable))
      (i32.store8 (i32.const 1024) (i32.add (i32.const 1) (memory.size)))
      (call $answer (local.get $out) (i32.const 1024) (i32.const 1))`;
    using engine = new Engine({ limits: { memoryBytesMax: pages * 65_536 } });
    const loaded = engine.load(callingGuest({ code, libc, imports }));
    const { text, report } = await engine.run(loaded);
    expect(report.cause?.detail).toBeUndefined();
    expect(text).toBe(String.fromCharCode(pages + 1));
    expect((await engine.run(loaded)).text).toBe(text);
  });

  test('finds memory as it was, whichever of its modules grew it', async () => {
    const beside = `${ok}
      (data (i32.const 1040) "  ")
      (func $size (result i32) (i32.add (i32.const 48) (memory.size)))`;
    const code = `
      (i32.store8 (i32.const 1040) (call $size))
      (drop (call $libc-grow (i32.const 3)))
      (drop (memory.grow (i32.const 2)))
      (i32.store8 (i32.const 1041) (i32.add (i32.const 48) (call $libc-size)))
      (if (i32.ne (call $size) (i32.add (i32.const 48) (call $libc-size))) (then unreachable))
      (call $answer (local.get $out) (i32.const 1040) (i32.const 2))`;
    const libc = `(module
      (memory (export "memory") 2)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "size") (result i32) (memory.size))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))`;
    const imports = `
      (import "libc" "grow" (func $libc-grow (param i32) (result i32)))
      (import "libc" "size" (func $libc-size (result i32)))`;
    for (const restoreMode of ['copy', 'cards'] as const) {
      using engine = new Engine({ restoreMode });
      const loaded = engine.load(callingGuest({ code, beside, libc, imports }));
      for (let run = 0; run < 3; run += 1) {
        const { text, report } = await engine.run(loaded);
        expect(report.cause?.detail).toBeUndefined();
        expect(text).toBe('27');
      }
    }
  });

  test('finds tables and globals of other modules as they were', async () => {
    const libc = `(module
      (memory (export "memory") 2)
      (table (export "table") 4 funcref)
      (global (export "count") (mut i32) (i32.const 0))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))`;
    const imports = `
      (import "libc" "table" (table 4 funcref))
      (import "libc" "count" (global $count (mut i32)))`;
    const code = `
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count)))
      (i32.store8 (i32.const 1025)
        (i32.add (i32.const 48) (ref.is_null (table.get (i32.const 2)))))
      (table.set (i32.const 2) (ref.func $answer))
      ${hello}`;
    const beside = `${ok} (elem declare func $answer)`;
    for (const restoreMode of ['copy', 'cards', 'never'] as const) {
      using engine = new Engine({ restoreMode });
      const loaded = engine.load(callingGuest({ code, beside, libc, imports }));
      for (let run = 0; run < 3; run += 1) expect((await engine.run(loaded)).text).toBe('11');
    }
  });
});
