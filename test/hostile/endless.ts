/**
 * Guests that never end, one for each way of going round, all counting their rounds in a global.
 * Each has an export `run` and one of that global, `work`.
 */
import { assemble, emitModule, nameBytes } from '../wasm/support/assemble.ts';

const header = '(global $work (export "work") (mut i64) (i64.const 0))';
export const step = '(global.set $work (i64.add (global.get $work) (i64.const 1)))';

/** A loop of `rounds` rounds of work. */
export function rounds(count: number | string): string {
  const limit = typeof count === 'number' ? `(i32.const ${count})` : count;
  return `(local.set $i ${limit})
    (loop $rounds ${step}
      (br_if $rounds (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`;
}

/** Functions $f0, $f1 … with the bodies `bodyOf` gives. */
export function chain(count: number, bodyOf: (index: number) => string): string {
  return Array.from({ length: count }, (_, i) => `(func $f${i} ${bodyOf(i)})`).join('\n');
}

export function moduleOf(body: string): Uint8Array<ArrayBuffer> {
  return assemble(`(module ${header} ${body})`);
}

const endlessTexts: Readonly<Record<string, string>> = {
  'a loop closed by br': `(func (export "run") (loop $l ${step} (br $l)))`,
  'a loop closed by br_if': `(func (export "run") (loop $l ${step} (br_if $l (i32.const 1))))`,
  'a loop closed by br_table': `(func (export "run")
    (loop $l ${step} (br_table $l $l $l (i32.const 7))))`,
  'a loop that takes operands': `(func (export "run") (i32.const 1)
    (loop $l (param i32) ${step} (br $l)))`,
  'a loop closed from inside nested blocks': `(func (export "run")
    (loop $l (block $a (block $b ${step} (br_if $b (i32.const 1)) (br $a)) (br $l))))`,
  'a loop in a loop, the outer alone going round': `(func (export "run")
    (loop $l (loop $m ${step}) (br $l)))`,
  'calls of a leaf that pays nothing': `(func $leaf ${step})
    (func (export "run") (loop $l (call $leaf) (br $l)))`,
  'calls of a leaf that loops below the quantum': `(func $leaf (local $i i32) ${rounds(90)})
    (func (export "run") (loop $l (call $leaf) (br $l)))`,
  'a chain, each looping below the quantum and returning': `
    (func $leaf (local $i i32) ${rounds(1000)})
    (func $mid (local $i i32) (local $n i32) (local.set $n (i32.const 1000))
      (loop $again (call $leaf)
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "run") (loop $l (call $mid) (br $l)))`,
  'calls through a table': `(type $t (func)) (table funcref (elem $leaf))
    (func $leaf ${step})
    (func (export "run") (loop $l (call_indirect (type $t) (i32.const 0)) (br $l)))`,
  'tail calls to itself': `(func $run (export "run") ${step} (return_call $run))`,
  'tail calls in a circle': `(func $a (export "run") ${step} (return_call $b))
    (func $b ${step} (return_call $a))`,
  'tail calls through a table': `(type $t (func)) (table funcref (elem $run))
    (func $run (export "run") ${step} (return_call_indirect (type $t) (i32.const 0)))`,
  'early returns on a conditional branch': `(func $leaf (local $i i32)
      ${rounds(80)} (br_if 0 (i32.const 1)) ${rounds(80)})
    (func (export "run") (loop $l (call $leaf) (br $l)))`,
  'early returns by br_table': `(func $leaf (local $i i32)
      ${rounds(80)} (br_table 0 0 (i32.const 1)))
    (func (export "run") (loop $l (call $leaf) (br $l)))`,
  'throwing and catching': `(tag $e) (func (export "run")
    (loop $l (try (do ${step} (throw $e)) (catch $e)) (br $l)))`,
  'catching everything, the meter as well': `(tag $e) (func $spin (loop $l ${step} (br $l)))
    (func (export "run") (loop $l (try (do (call $spin)) (catch_all)) (br $l)))`,
  'throwing away the work of a callee': `(tag $e)
    (func $leaf (local $i i32) ${rounds(80)} (throw $e))
    (func (export "run") (loop $l (try (do (call $leaf)) (catch_all)) (br $l)))`,
  'throwing away the work of callers': `(tag $e)
    ${chain(20, (i) => `(local $i i32) ${rounds(40)} (call $f${i + 1})`)}
    (func $f20 (throw $e))
    (func (export "run") (loop $l (try (do (call $f0)) (catch_all)) (br $l)))`,
  rethrowing: `(tag $e) (func $leaf (local $i i32)
      (try (do (throw $e)) (catch $e ${rounds(80)} (rethrow 0))))
    (func (export "run") (loop $l (try (do (call $leaf)) (catch_all)) (br $l)))`,
  delegating: `(tag $e) (func (export "run") (loop $l
      (try $outer (do (try (do ${step} (throw $e)) (delegate $outer))) (catch_all)) (br $l)))`,
  'growing memory by nothing': `(memory 1) (func (export "run")
    (loop $l ${step} (drop (memory.grow (i32.const 0))) (br $l)))`,
};

// Types: 0 [] -> [], 1 (ref null 0) taking; work is global 0.
export const raise = [0x23, 0, 0x42, 1, 0x7c, 0x24, 0];
const workGlobal = [0x7e, 1, 0x42, 0, 0x0b];

/** A module of functions of type [] -> [], the first exported as run, work exported. */
export function emitGuest(
  bodies: readonly (readonly number[])[],
  parts: { types?: readonly number[][]; tags?: number[][]; elements?: number[][] } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = emitModule({
    types: [[0x60, 0, 0], ...(parts.types ?? [])],
    functions: bodies.map(() => 0),
    globals: [workGlobal],
    exports: { run: 0 },
    bodies: bodies.map((body) => [0, ...body, 0x0b]),
    ...(parts.tags === undefined ? {} : { tags: parts.tags }),
    ...(parts.elements === undefined ? {} : { elements: parts.elements }),
  });
  return exportWork(bytes);
}

/** Adds the export of global 0 as work, behind that of run. */
function exportWork(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const before = [7, 1 + 6, 1, ...nameBytes('run'), 0, 0];
  const at = bytes.findIndex((_, i) => before.every((byte, k) => bytes[i + k] === byte));
  const after = [7, 1 + 6 + 7, 2, ...nameBytes('run'), 0, 0, ...nameBytes('work'), 3, 0];
  return Uint8Array.from([...bytes.slice(0, at), ...after, ...bytes.slice(at + before.length)]);
}

const declareAll = [3, 0, 2, 0, 1];
const oneTag = { tags: [[0, 0]] };

/** What no text format assembler here can write. */
const endlessBytes: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  'call_ref of a leaf': emitGuest([[0x03, 0x40, 0xd2, 1, 0x14, 0, 0x0c, 0, 0x0b], raise], {
    elements: [declareAll],
  }),
  'return_call_ref to itself': emitGuest([[...raise, 0xd2, 0, 0x15, 0], []], {
    elements: [declareAll],
  }),
  'a loop closed by br_on_null': emitGuest([
    [0x03, 0x40, ...raise, 0xd0, 0x70, 0xd5, 0, 0x1a, 0x0b],
  ]),
  // loop (result anyref) … null any, br_on_cast 0 anyref → nullref, drop
  'a loop closed by br_on_cast': emitGuest([
    [
      ...[0x03, 0x40, ...raise, 0x02, 0x6e, 0xd0, 0x6e],
      ...[0xfb, 0x18, 3, 0, 0x6e, 0x71, 0x0b, 0x1a, 0x0c, 0, 0x0b],
    ],
  ]),
  // loop; try_table (catch_all 0 = the loop); raise; throw 0
  'a loop closed through a catch clause of try_table': emitGuest(
    [[0x03, 0x40, 0x1f, 0x40, 1, 2, 0, ...raise, 0x08, 0, 0x0b, 0x0b]],
    oneTag,
  ),
};

/** All of them. */
export const endless: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map([
  ...Object.entries(endlessTexts).map(([name, body]) => [name, moduleOf(body)] as const),
  ...Object.entries(endlessBytes),
]);
