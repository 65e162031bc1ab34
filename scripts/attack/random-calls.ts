/**
 * A program for Fastly Compute that calls all functions there are, at random and without sense,
 * each run with other numbers. What it calls with is drawn as the fuzz in one process draws it.
 */
import { fastlyModules } from '../../src/abi/fastly/table.ts';
import { faceOf, type HostcallFacts, type ValueType } from '../../src/abi/hostcall.ts';
import {
  type Spread,
  STRANGE_ONE_IN,
  STRUCT_WORDS,
  STRUCTS,
  spreadsOf,
  strange,
  TEXT_STEP,
  TEXTS,
  texts,
  words,
} from '../../test/support/fastly-draws.ts';
import { assemble } from './assemble.ts';

/** Some of them wait until the run's time is over. */
const CALLS_PER_RUN = 400;

interface Listed {
  readonly module: string;
  readonly facts: HostcallFacts;
}

export function randomCaller(): Promise<Uint8Array> {
  const functions: readonly Listed[] = [...fastlyModules].flatMap(([module, named]) =>
    [...named.values()].map((facts) => ({ module, facts })),
  );
  const types = new Set(functions.flatMap(({ facts }) => facts.params.map(([, type]) => type)));
  return assemble(`(module
    ${functions.map(importOf).join('\n')}
    (import "wasi_snapshot_preview1" "random_get"
      (func $seed (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    ${texts.map(dataOf).join('\n')}
    (global $state (mut i32) (i32.const 1))
    ${below}
    (func $strange (result i32) ${choice(strange)})
    (func $word (result i32) ${choice(words)})
    ${[...types].map(drawOf).join('\n')}
    (table funcref (elem ${functions.map((_, number) => `$call${number}`).join(' ')}))
    (type $plain (func))
    ${functions.map(callOf).join('\n')}
    ${startOf(functions.length)})`);
}

/** The address 0 is free: texts stand behind it. */
function startOf(count: number): string {
  const at = `(i32.add (i32.const ${STRUCTS}) (i32.shl (local.get $n) (i32.const 2)))`;
  return `(func (export "_start") (local $n i32)
    (drop (call $seed (i32.const 0) (i32.const 4)))
    (global.set $state (i32.or (i32.load (i32.const 0)) (i32.const 1)))
    ${times(STRUCT_WORDS, `(i32.store ${at} (call $word))`)}
    (local.set $n (i32.const 0))
    ${times(CALLS_PER_RUN, `(call_indirect (type $plain) (call $below (i32.const ${count})))`)})`;
}

/** Counts in `$n`. */
function times(count: number, body: string): string {
  return `(loop ${body}
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if 0 (i32.lt_u (local.get $n) (i32.const ${count}))))`;
}

/** Xorshift32, and what is left of it. */
const below = `(func $below (param $count i32) (result i32) (local $s i32)
  (local.set $s (global.get $state))
  (local.set $s (i32.xor (local.get $s) (i32.shl (local.get $s) (i32.const 13))))
  (local.set $s (i32.xor (local.get $s) (i32.shr_u (local.get $s) (i32.const 17))))
  (local.set $s (i32.xor (local.get $s) (i32.shl (local.get $s) (i32.const 5))))
  (global.set $state (local.get $s))
  (i32.rem_u (local.get $s) (local.get $count)))`;

function importOf({ module, facts }: Listed, number: number): string {
  const params = faceOf(facts).params.join(' ');
  return `(import "${module}" "${facts.name}" (func $f${number} (param ${params}) (result i32)))`;
}

function callOf({ facts }: Listed, number: number): string {
  const args = facts.params.map(([, type]) => `(call $${type})`).join(' ');
  return `(func $call${number} (drop (call $f${number} ${args})))`;
}

function drawOf(type: ValueType): string {
  if (type === 'number64') {
    return `(func $number64 (result i64) (i64.extend_i32_u ${choice(spreadsOf(type))}))`;
  }
  return `(func $${type} (result i32)
    (if (i32.eqz (call $below (i32.const ${STRANGE_ONE_IN}))) (then (return (call $strange))))
    ${choice(spreadsOf(type))})`;
}

/** One of the spreads, and one of its numbers. */
function choice(spreads: readonly Spread[]): string {
  const [last, ...others] = spreads.map(numberOf).toReversed();
  let text = last ?? '(i32.const 0)';
  for (const [before, number] of others.entries()) {
    const count = before + 2;
    text = `(if (result i32) (call $below (i32.const ${count})) (then ${text}) (else ${number}))`;
  }
  return text;
}

function numberOf({ base, step, count }: Spread): string {
  const more = `(i32.mul (i32.const ${step}) (call $below (i32.const ${count})))`;
  return count === 1 ? `(i32.const ${base})` : `(i32.add (i32.const ${base}) ${more})`;
}

function dataOf(text: string, place: number): string {
  const escaped = Array.from(
    Buffer.from(text, 'latin1'),
    (byte) => `\\${byte.toString(16).padStart(2, '0')}`,
  );
  return `(data (i32.const ${TEXTS + place * TEXT_STEP}) "${escaped.join('')}")`;
}
