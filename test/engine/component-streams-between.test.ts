/** Bodies that go from the host through two components and back, while everyone lets go. */
import { describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import type { FuncType, ValueType } from '../../src/wasm/component/types.ts';
import { World } from '../support/abi-world.ts';
import { serviceGuest } from '../support/async-guests.ts';
import { asyncOptions, makeComponent } from '../support/component-bytes.ts';
import { untilHolds } from '../support/until-holds.ts';
import { type Answer, answerOf, Engine, type TestExchange } from './world.ts';

const bytes: ValueType = { kind: 'stream', element: { kind: 'u8' } };
const through: FuncType = {
  ...{ kind: 'func', isAsync: true },
  params: [{ name: 'input', type: bytes }],
  result: bytes,
};
const inner = ['own:pair/inner@0.1.0', 'through'] as const;

/** The component in the middle: `through` gets a stream and answers one. */
function innerComponent(functions: string): Uint8Array {
  return makeComponent({
    wat: `(module
      (import "libc" "memory" (memory 1))
      (import "canon" "return" (func $return (param i32)))
      (import "canon" "stream" (func $stream (result i64)))
      (import "canon" "read" (func $read (param i32 i32 i32) (result i32)))
      (import "canon" "write" (func $write (param i32 i32 i32) (result i32)))
      (import "canon" "cancel-read" (func $cancel-read (param i32) (result i32)))
      (import "canon" "cancel-write" (func $cancel-write (param i32) (result i32)))
      (import "canon" "close-reader" (func $close-reader (param i32)))
      (import "canon" "close" (func $close (param i32)))
      (import "canon" "set-new" (func $set-new (result i32)))
      (import "canon" "join" (func $join (param i32 i32)))
      ${functions})`,
    imports: {},
    canons: ({ index, value }) => {
      const stream = index(bytes);
      return {
        return: [0x09, 0x00, ...value(bytes), 0x00],
        stream: [0x0e, stream],
        read: [0x0f, stream, ...asyncOptions],
        write: [0x10, stream, ...asyncOptions],
        'cancel-read': [0x11, stream, 0x00],
        'cancel-write': [0x12, stream, 0x00],
        'close-reader': [0x13, stream],
        close: [0x14, stream],
        'set-new': [0x1f],
        join: [0x23],
      };
    },
    exports: inner,
    exportType: through,
    async: { callback: 'callback' },
  });
}

const handle = (code: string): string =>
  `(func (export "handle") (param i32) (result i32) ${code})`;
const callback = (code: string): string =>
  `(func (export "callback") (param i32 i32 i32) (result i32) ${code})`;
const exit = '(i32.const 0)';

/** What the outer one has of the inner. */
const nestedImport = `
  (import "nested" "through" (func $through (param i32) (result i32)))`;
/** The head of an answer with that body, and its good end. */
const begin = `
  (func $begin-with (param $body i32) (local $f i64)
    (local.set $f (call $future))
    (call $response (call $fields) (i32.const 1) (local.get $body)
      (i32.wrap_i64 (local.get $f)) (i32.const 0))
    (global.set $trailers (i32.wrap_i64 (i64.shr_u (local.get $f) (i64.const 32))))
    (call $answer (i32.load (i32.const 0))))
  (func $end-trailers
    (drop (call $future-write (global.get $trailers) (i32.const 256)))
    (call $future-close (global.get $trailers)))`;

/** Which end a component drops first. */
type EndOrder = 'reader first' | 'writer first';
/** Which of the two drops first. */
type Order = 'outer first' | 'inner first';

function inOrder(order: EndOrder, reader: string, writer: string): string {
  return order === 'reader first' ? reader + writer : writer + reader;
}

/** Reads what comes, and has a write of its own under way; at a word, or an end, drops both. */
const pumpingInner = (order: EndOrder): Uint8Array =>
  innerComponent(`
    (data (i32.const 1024) "inner")
    (global $in (mut i32) (i32.const 0))
    (global $out (mut i32) (i32.const 0))
    (global $set (mut i32) (i32.const 0))
    (func (export "through") (param i32) (result i32) (local $s i64)
      (if (global.get $in) (then unreachable))
      (global.set $in (local.get 0))
      (local.set $s (call $stream))
      (global.set $out (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32))))
      (global.set $set (call $set-new))
      (call $return (i32.wrap_i64 (local.get $s)))
      (if (i32.ne (i32.const -1) (call $read (global.get $in) (i32.const 0) (i32.const 1)))
        (then unreachable))
      (if (i32.ne (i32.const -1) (call $write (global.get $out) (i32.const 1024) (i32.const 5)))
        (then unreachable))
      (call $join (global.get $in) (global.get $set))
      (call $join (global.get $out) (global.get $set))
      (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    ${callback(`
      ;; What it wrote was taken, or cannot be any more.
      (if (i32.eq (local.get 0) (i32.const 3)) (then
        (return (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))))
      (if (i32.ne (local.get 0) (i32.const 2)) (then unreachable))
      ${inOrder(
        order,
        '(call $close-reader (global.get $in))',
        `(if (i32.eq (i32.const -1)
             (call $write (global.get $out) (i32.const 1024) (i32.const 5)))
           (then (drop (call $cancel-write (global.get $out)))))
         (call $close (global.get $out))`,
      )}
      ${exit}`)}`);

/** Gives the other a stream, and what that makes of it to the visitor; see `Order`. */
function pumpingGuest(order: Order, ends: EndOrder): Uint8Array {
  const drops = `
    ${inOrder(
      ends,
      `(drop (call $cancel-read (i32.load (i32.const 8))))
       (call $close-reader (i32.load (i32.const 8)))`,
      '(call $close (global.get $out))',
    )}
    (call $future-close-reader (i32.load (i32.const 12)))
    (call $end-trailers)
    (return (i32.const 0))`;
  const wait = '(i32.or (i32.const 2) (i32.shl (call $get) (i32.const 4)))';
  const whenTold = {
    'outer first': drops,
    // The first is taken at once, and is the word; nobody is left for the second.
    'inner first': `
      (if (i32.ne (i32.const 0x10) (call $write (global.get $out) (i32.const 512) (i32.const 1)))
        (then unreachable))
      (if (i32.ne (i32.const -1) (call $write (global.get $out) (i32.const 512) (i32.const 9)))
        (then unreachable))
      (call $join (global.get $out) (call $get))
      (return ${wait})`,
  }[order];
  return serviceGuest(
    `${begin}
    ${handle(`
      (local $s i64)
      (call $open (local.get 0))
      (local.set $s (call $stream))
      (global.set $out (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32))))
      (call $begin-with (call $through (i32.wrap_i64 (local.get $s))))
      (call $set (call $set-new))
      (if (i32.ne (i32.const -1)
            (call $read (i32.load (i32.const 8)) (i32.const 1024) (i32.const 64)))
        (then unreachable))
      (call $join (i32.shr_u (call $after (i64.const 2000000)) (i32.const 4)) (call $get))
      ${wait}`)}
    ${callback(`
      ;; Time is up, or the visitor has gone.
      (if (i32.or (i32.eq (local.get 0) (i32.const 1)) (i32.eq (local.get 0) (i32.const 6)))
        (then ${whenTold}))
      ;; The other has dropped its end.
      (if (i32.ne (local.get 0) (i32.const 3)) (then unreachable))
      (if (i32.ne (i32.and (local.get 2) (i32.const 15)) (i32.const 1)) (then unreachable))
      ${drops}`)}`,
    {
      nested: { bytes: pumpingInner(ends), exports: inner },
      beside: { imports: {}, head: nestedImport },
    },
  );
}

const modes: readonly (RestoreMode | 'never')[] =
  process.platform === 'linux'
    ? ['copy', 'cards', 'copy-on-write', 'never']
    : ['copy', 'cards', 'never'];
const orders: readonly Order[] = ['outer first', 'inner first'];
const ends: readonly EndOrder[] = ['reader first', 'writer first'];

/** Runs until all of them wait for each other, and then until everyone has let go. */
async function letGo(
  engine: Engine,
  loaded: ReturnType<Engine['load']>,
  begun: (world: World, exchange: TestExchange) => void,
): Promise<Answer> {
  const world = new World();
  const late = Promise.withResolvers<Uint8Array>();
  const { exchange, report } = engine.begin(loaded, {
    ...{ world, body: 'late', lateBody: late.promise },
  });
  await untilHolds(() => {
    expect(exchange.replyState).toBe('started');
    expect(world.waiting.size).toBeGreaterThan(0);
  });
  begun(world, exchange);
  const ended = await report;
  late.resolve(Buffer.from('late'));
  if (ended.outcome !== 'abandoned') await exchange.whole;
  return answerOf(exchange, ended);
}

describe.each(modes)('streams from the host through two components and back: %s', (restoreMode) => {
  describe.each(ends)('%s', (end) => {
    test.each(orders)('everyone drops them, %s, and the next finds nothing', async (order) => {
      using engine = new Engine({ restoreMode });
      const loaded = engine.load(pumpingGuest(order, end));
      for (let run = 0; run < 3; run += 1) {
        const { report, text } = await letGo(engine, loaded, (world) => {
          world.elapse(2_000_000n);
        });
        expect(report.cause?.detail).toBeUndefined();
        expect(text).toMatch(/^inner(?:inner)?$/);
      }
    });

    test.each(orders)('so where the visitor goes at the same time, %s', async (order) => {
      using engine = new Engine({ restoreMode });
      const loaded = engine.load(pumpingGuest(order, end));
      for (let run = 0; run < 3; run += 1) {
        const gone = await letGo(engine, loaded, (world, exchange) => {
          exchange.goAway();
          world.elapse(2_000_000n);
        });
        expect(gone.report.outcome).toBe('abandoned');
        expect(gone.report.cause?.detail).toBe('the client went away');
      }
      const { report } = await letGo(engine, loaded, (world) => world.elapse(2_000_000n));
      expect(report.cause?.detail).toBeUndefined();
    });
  });
});
