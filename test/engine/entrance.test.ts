import { describe, expect, it } from 'vitest';
import type { GuestFunction } from '../../src/abi/abi.ts';
import { type Door, Entrance } from '../../src/engine/entrance.ts';
import { takeTrap } from '../../src/engine/run/trap.ts';
import { assemble } from '../wasm/support/assemble.ts';

/** Calls what it imports, and notes that it has gone on behind it. */
const guest = `(module
  (import "host" "call" (func $call))
  (global $ended (export "ended") (mut i32) (i32.const 0))
  (func (export "run")
    (call $call)
    (global.set $ended (i32.add (global.get $ended) (i32.const 1)))))`;

/** (module (rec (type $run (func)) (type (func (param i32)))) (func (export "run") (type $run))) */
const groupedType = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 10, 1, 0x4e, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 0],
  ...[3, 2, 1, 0],
  ...[7, 7, 1, 3, ...Buffer.from('run'), 0, 0],
  ...[10, 4, 1, 2, 0, 0x0b],
);

/** Whose run has the thread. */
const onTurn = { onTurn: () => undefined };

interface Opened {
  readonly door: Door;
  readonly ended: () => number;
}

function open(entrance: Entrance, call: unknown, text = guest): Opened {
  const module = new WebAssembly.Module(assemble(text));
  const { exports } = new WebAssembly.Instance(module, { host: { call } });
  const ended = exports.ended as WebAssembly.Global<number>;
  const door = entrance.open(exports.run as GuestFunction, module);
  return { door, ended: () => ended.value };
}

const nothing = (): void => undefined;
const waits = (work: () => Promise<void>): unknown => new WebAssembly.Suspending(work);

describe('Entrance', () => {
  it('gives nothing to wait for where the entry has returned', () => {
    const { door, ended } = open(new Entrance(), nothing);
    expect(door.enter()).toBeUndefined();
    expect(door.enter()).toBeUndefined();
    expect(ended()).toBe(2);
  });

  it('gives a promise where the guest waits', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { door, ended } = open(
      new Entrance(),
      waits(() => promise),
    );
    const entered = door.enter();
    expect(entered).toBeInstanceOf(Promise);
    expect(ended()).toBe(0);
    resolve();
    await entered;
    expect(ended()).toBe(1);
  });

  it('gives a promise that rejects where the guest traps', async () => {
    const trapping = '(module (func (export "run") unreachable))';
    const { door } = open(new Entrance(), nothing, trapping);
    await expect(door.enter()).rejects.toThrow('unreachable');
  });

  it('takes no end of another call for that of a guest that waits', async () => {
    const entrance = new Entrance();
    const inner = open(entrance, nothing);
    const { promise, resolve } = Promise.withResolvers<void>();
    const outer = open(
      entrance,
      waits(() => {
        expect(inner.door.enter()).toBeUndefined();
        return promise;
      }),
    );
    const entered = outer.door.enter();
    expect(entered).toBeInstanceOf(Promise);
    expect(inner.door.enter()).toBeUndefined();
    resolve();
    await entered;
    expect([inner.ended(), outer.ended()]).toEqual([2, 1]);
  });

  it('tells a call that ended long after others from the next', async () => {
    const entrance = new Entrance();
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = open(
      entrance,
      waits(() => promise),
    );
    const entered = slow.door.enter();
    resolve();
    await entered;
    const trapping = open(entrance, nothing, '(module (func (export "run") unreachable))');
    await expect(trapping.door.enter()).rejects.toThrow('unreachable');
  });

  it.each([
    ['has a result', assemble('(module (func (export "run") (result i32) (i32.const 7)))')],
    ['has a type of a group', groupedType],
  ])('waits for an entry that %s', async (_why, bytes) => {
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module);
    const door = new Entrance().open(exports.run as GuestFunction, module);
    const entered = door.enter();
    expect(entered).toBeInstanceOf(Promise);
    await entered;
    door.close();
  });

  it('gives the place of a door that was closed to another', () => {
    const entrance = new Entrance();
    const first = open(entrance, nothing);
    first.door.close();
    const doors = Array.from({ length: 200 }, () => open(entrance, nothing));
    for (const { door } of doors) expect(door.enter()).toBeUndefined();
    expect(doors.map(({ ended }) => ended())).toEqual(doors.map(() => 1));
    expect(first.ended()).toBe(0);
  });

  it('tells a call that waits from one that began within it and waits, too', async () => {
    const entrance = new Entrance();
    const { promise, resolve } = Promise.withResolvers<void>();
    const inner = open(
      entrance,
      waits(() => promise),
    );
    let innerEntered: Promise<unknown> | undefined;
    const outer = open(
      entrance,
      waits(() => {
        innerEntered = inner.door.enter();
        return promise;
      }),
    );
    const entered = outer.door.enter();
    expect([entered, innerEntered].map((each) => each instanceof Promise)).toEqual([true, true]);
    resolve();
    await Promise.all([entered, innerEntered]);
    expect([inner.ended(), outer.ended()]).toEqual([1, 1]);
  });
});

describe('EntryCalls', () => {
  const functionsOf = (text: string, host: Record<string, WebAssembly.ImportValue> = {}) => {
    const module = new WebAssembly.Module(assemble(text));
    const { exports } = new WebAssembly.Instance(module, { host });
    return exports as Record<string, GuestFunction>;
  };

  it.each([
    ['nothing', '(func (export "f"))', [], undefined],
    ['a result', '(func (export "f") (result i32) (i32.const -7))', [], -7],
    ['one', '(func (export "f") (param i32) (result i32) (local.get 0))', [5], 5],
    ['one, of no result', '(func (export "f") (param i32))', [5], undefined],
    ['two', '(func (export "f") (param i32 i32))', [5, 6], undefined],
    [
      'three',
      `(func (export "f") (param i32 i32 i32) (result i32)
        (i32.sub (i32.sub (local.get 0) (local.get 1)) (local.get 2)))`,
      [9, 5, 1],
      3,
    ],
  ])('gives what a function of %s has returned', (_what, text, args, expected) => {
    const calls = new Entrance().openCalls(onTurn);
    const { f } = functionsOf(`(module ${text})`);
    if (f === undefined) throw new Error('no function');
    expect([calls.call(f, ...args), calls.call(f, ...args)]).toEqual([expected, expected]);
    calls.close();
  });

  it.each([
    ['of i64', '(func (export "f") (param i64) (result i64) (local.get 0))', [5n], 5n],
    [
      'of four',
      '(func (export "f") (param i32 i32 i32 i32) (result i32) (local.get 3))',
      [1, 2, 3, 4],
      4,
    ],
    [
      'of two results',
      '(func (export "f") (result i32 i32) (i32.const 1) (i32.const 2))',
      [],
      [1, 2],
    ],
  ])('gives a promise of what another returns: %s', async (_what, text, args, expected) => {
    const calls = new Entrance().openCalls(onTurn);
    const { f } = functionsOf(`(module ${text})`);
    const called = f && calls.call(f, ...args);
    expect(called).toBeInstanceOf(Promise);
    expect(await called).toEqual(expected);
  });

  it('gives a promise where the guest waits, and one that rejects where it traps', async () => {
    const entrance = new Entrance();
    const calls = entrance.openCalls(onTurn);
    const { promise, resolve } = Promise.withResolvers<number>();
    const { f, bad } = functionsOf(
      `(module (import "host" "call" (func $call (result i32)))
        (func (export "f") (param i32) (result i32) (i32.add (call $call) (local.get 0)))
        (func (export "bad") (param i32) (result i32) unreachable))`,
      { call: new WebAssembly.Suspending(() => promise) },
    );
    if (f === undefined || bad === undefined) throw new Error('no function');
    const called = calls.call(f, 3);
    await expect(calls.call(bad, 1)).rejects.toThrow('unreachable');
    resolve(4);
    expect(await called).toBe(7);
  });

  it('gives the places of an instance that is gone to others', () => {
    const entrance = new Entrance();
    const first = entrance.openCalls(onTurn);
    const { f, g } = functionsOf(
      `(module (func (export "f") (result i32) (i32.const 1))
        (func (export "g") (result i32) (i32.const 2)))`,
    );
    if (f === undefined || g === undefined) throw new Error('no function');
    expect([first.call(f), first.call(g)]).toEqual([1, 2]);
    first.close();
    const second = entrance.openCalls(onTurn);
    expect([second.call(g), first.call(f), second.call(g)]).toEqual([2, 1, 2]);
  });

  it('calls nothing of an instance whose run has not the thread', () => {
    const trap = takeTrap();
    const late = {
      onTurn: () => {
        throw trap;
      },
    };
    const { f, called } = functionsOf(
      `(module (global $called (mut i32) (i32.const 0))
        (func (export "f") (result i32) (global.set $called (i32.const 1)) (i32.const 1))
        (func (export "called") (result i32) (global.get $called)))`,
    );
    if (f === undefined || called === undefined) throw new Error('no function');
    expect(() => new Entrance().openCalls(late).call(f)).toThrow(trap);
    expect(called()).toBe(0);
  });
});
