/** Bytes that want to harm: each is refused, soon, with an offset. */
import { describe, expect, test } from 'vitest';
import { readComponent } from '../../../src/wasm/component.ts';
import { component, leb, list, name, preamble, section } from '../../support/component-bytes.ts';
import { assemble } from '../support/assemble.ts';

const emptyModule = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

function refusal(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    readComponent(bytes);
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const nested = (depth: number): number[] =>
  depth === 0 ? preamble : [...preamble, ...section(4, nested(depth - 1))];

/** A type section with so many lists in each other. */
function deepLists(depth: number): Uint8Array<ArrayBuffer> {
  const entries = Array.from({ length: depth }, (_, at) => {
    const before = at - 1;
    if (at === 0) return [0x70, 0x7d];
    const low = before < 64 ? [before] : [(before % 128) + 128, ...leb(Math.floor(before / 128))];
    return [0x70, ...low];
  });
  return component(list(7, entries));
}

/** Each type is a tuple of the one before, twice. */
function doubling(levels: number): Uint8Array<ArrayBuffer> {
  const entries = Array.from({ length: levels }, (_, at) =>
    at === 0 ? [0x6f, 0x01, 0x7d] : [0x6f, 0x02, at - 1, at - 1],
  );
  return component(list(7, entries));
}

/** Each component has two instances of the one before: 2^levels in all. */
function instanceBomb(levels: number): Uint8Array<ArrayBuffer> {
  const sections: number[][] = [section(4, preamble)];
  for (let level = 1; level <= levels; level += 1) {
    const inner = [
      ...preamble,
      ...list(6, [[0x04, 0x02, 0x01, ...leb(level - 1)]]),
      ...list(5, [
        [0x00, 0x00, 0x00],
        [0x00, 0x00, 0x00],
      ]),
    ];
    sections.push(section(4, inner));
  }
  sections.push(list(5, [[0x00, ...leb(levels), 0x00]]));
  return component(...sections);
}

describe('readComponent() refuses', () => {
  test.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
    ['version 0a', Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0a, 0, 1, 0]), /version 0x0a/],
    ['version 0e', Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0e, 0, 1, 0]), /version 0x0e/],
    ['version 01', Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x01, 0, 1, 0]), /version 0x01|preamble/],
    ['layer 2', Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 2, 0]), /preamble/],
    ['a section longer than the file', component([7, 200, 1, 0]), /sections must fit/],
    ['a section that is not used up', component([7, 3, 1, 0x7d, 0x7d]), /last entry.*offset 12/],
    ['a list of 2^32 - 1', component([7, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]), /at most/],
    ['1,000 components in each other', Uint8Array.from(nested(1_000)), /nested at most 16/],
    ['2,000 lists in each other', deepLists(2_000), /nested at most 100 deep/],
    ['50,000 lists in each other', deepLists(50_000), /at most 10000 types/],
    ['a type of 2^40 values', doubling(41), /fewer than 268435456 bytes/],
    ['2^30 instances', instanceBomb(30), /at most 1024 instances/],
    ['33 flags', component(list(7, [flags(33)])), /at most 32 flags/],
    ['an empty record', component(list(7, [[0x72, 0x00]])), /has members/],
    ['an empty tuple', component(list(7, [[0x6f, 0x00]])), /has|empty|members/],
    ['an empty variant', component(list(7, [[0x71, 0x00]])), /has cases|members/],
    ['an empty enum', component(list(7, [[0x6d, 0x00]])), /has|labels|members/],
    ['no flags', component(list(7, [[0x6e, 0x00]])), /has|labels|members/],
    ['a name that is not UTF-8', component(section(0, [2, 0xff, 0xfe])), /UTF-8/],
    ['a name of 1 MiB', component(longName()), /at most 4096 bytes/],
    ['the name __proto__', importing('__proto__'), /words joined/],
    ['a name that is a path', importing('../a'), /words joined/],
    ['an integrity= name', importing('integrity=<sha256-AAAA>'), /words joined/],
    ['a url= name', importing('url=<https://example.com>'), /words joined/],
    ['a name with a line separator', importing('a\u2028b'), /words joined/],
    ['two names equal but for case', importing('a', 'A'), /differ by more than case/],
    ['an alias 1,000 scopes out', component(list(6, [[0x03, 0x02, ...leb(1000), 0]])), /scope/],
    ['a type one past its space', component(list(7, [[0x69, 0x00]])), /type must exist/],
    [
      'a list where a function is',
      component(list(7, [[0x70, 0x7d]]), importOf(0)),
      /type of a func/,
    ],
    ['a core func one past its space', component(func, lift([], 0)), /core func must exist/],
    ['a func one past its space', component(list(11, [exported(0x01)])), /func must exist/],
    ['a component one past its space', component(list(5, [[0, 0, 0]])), /component must exist/],
    ['an instance one past its space', component(list(6, [[1, 0, 0, ...name('f')]])), /must exist/],
    ['a value one past its space', component(list(11, [exported(0x02)])), /value/],
    [
      'a func where an instance is',
      component(func, importOf(0), list(11, [exported(0x05)])),
      /instance must exist/,
    ],
    ['a lift of another core type', lifting(func, lift([], 0)), /lifted function is/],
    ['a lift of text without a memory', lifting(textFunc, lift([], 0)), /memory/],
    [
      'a lower of text without a memory',
      component(textFunc, importOf(0), list(8, [[0x01, 0x00, 0x00, 0x00]])),
      /memory/,
    ],
    ['an allocator of another type', lifting(textFunc, lift([0x03, 0, 0x04, 0], 0)), /realloc/],
    ['an encoding twice', lifting(textFunc, lift([0x00, 0x00], 0)), /come once/],
    ['a start section', component(section(9, [0, 0, 0])), /start section/],
    ['a thread built-in', component(list(8, [[0x26]])), /thread.index/],
    ['an async lower', component(list(8, [[0x01, 0x00, 0x00, 0x01, 0x06]])), /func must exist/],
    ['two memories in options', twoMemories(), /come once/],
    ['a core module that is none', component(section(1, [1, 2, 3])), /module of version 1/],
    ['a memory of a later instance', component(list(6, [[0, 2, 1, 0, ...name('m')]])), /exist/],
    ['200 instances of a module', manyInstances(200), /at most 128 core instances/],
    ['a million instances of a module', manyInstances(1_000_000), /at most 10000 core inst/],
    ['2,000 instances of a component', manyComponents(2_000), /at most 1024 instances/],
    ['a million instances of a component', manyComponents(1_000_000), /at most 10000 instances/],
    ['a resource of an outer component', outerResource(), /resource/],
    [
      'an instance of a module that comes later',
      component(list(2, [[0x00, 0x00, 0x00]]), section(1, emptyModule)),
      /module must exist/,
    ],
    [
      'a table of 10 million in a nested component',
      component(
        section(4, [...preamble, ...section(1, assembled('(module (table 10000000 funcref))'))]),
      ),
      /table/,
    ],
    [
      'a shared memory in a nested component',
      component(section(4, [...preamble, ...section(1, moduleWith(5, [0x01, 0x03, 0x01, 0x01]))])),
      /shared|thread|memory/,
    ],
  ])('%s', (_, bytes, reason) => {
    expect(refusal(bytes)).toMatch(reason);
  });

  test('nothing of a module whose branch hints are broken, which nobody reads', () => {
    const hints = [...name('metadata.code.branch_hint'), 0xff, 0xff];
    expect(refusal(component(section(1, moduleWith(0, hints))))).toBe('accepted');
  });

  test('nothing of a module whose names are broken, which nobody reads', () => {
    const names = [...name('name'), 0x01, 0xff, 0xff];
    expect(refusal(component(section(1, moduleWith(0, names))))).toBe('accepted');
  });

  test('nothing of a component without definitions', () => {
    expect(refusal(component())).toBe('accepted');
  });

  test('nothing of a module that 128 instances are made of', () => {
    expect(refusal(manyInstances(128))).toBe('accepted');
  });

  test.each([
    '"',
    "';process.exit()//",
    '\x24{process.exit()}',
    '\n',
    '__proto__',
    'constructor',
    '\u2028',
  ])('no core module for the name %j, which stays a string', (text) => {
    const quoted = [...Buffer.from(text)]
      .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
      .join('');
    const provides = `(module (func (export "${quoted}")))`;
    const wat = `(module (import "m" "${quoted}" (func)))`;
    const bytes = component(
      section(1, assembled(provides)),
      section(1, assembled(wat)),
      list(2, [
        [0x00, 0x00, 0x00],
        [0x00, 0x01, 0x01, ...name('m'), 0x12, 0x00],
      ]),
    );
    const { cores } = readComponent(bytes);
    expect(cores[1]?.links).toEqual([{ module: 'm', name: text, core: 0, export: text }]);
  });

  test('nothing of a custom section of 60 MiB', () => {
    const bytes = new Uint8Array(60 * 1024 * 1024 + 20);
    const start = [...preamble, 0, ...leb(60 * 1024 * 1024), 1, 0x61];
    bytes.set(start);
    const whole = bytes.subarray(0, start.length - 2 + 60 * 1024 * 1024);
    expect(refusal(Uint8Array.from(whole))).toBe('accepted');
  });
});

/** `f: func()`, and `f: func(s: string)`. */
const func = list(7, [[0x40, 0x00, 0x01, 0x00]]);
const textFunc = list(7, [[0x40, 0x01, ...name('s'), 0x73, 0x01, 0x00]]);

/** An export of the first of a kind. */
function exported(sort: number): number[] {
  return [0x00, ...name('f'), sort, 0x00, 0x00];
}

/** Core function 0 as a function of type 0, with these options, two bytes each where they need. */
function lift(options: readonly number[], type: number): number[] {
  const count = options.every((each) => each < 0x03) ? options.length : options.length / 2;
  return list(8, [[0x00, 0x00, 0x00, ...leb(count), ...options, ...leb(type)]]);
}

/** A module with a memory and a function of one number, which `lifted` may use. */
function lifting(type: readonly number[], lifted: readonly number[]): Uint8Array<ArrayBuffer> {
  const wat = '(module (memory (export "m") 1) (func (export "f") (param i32)))';
  const aliases = list(6, [
    [0x00, 0x02, 0x01, 0x00, ...name('m')],
    [0x00, 0x00, 0x01, 0x00, ...name('f')],
  ]);
  return component(section(1, assembled(wat)), list(2, [[0, 0, 0]]), aliases, type, lifted);
}

function assembled(wat: string): number[] {
  return [...assemble(wat)];
}

/** A core module of one section. */
function moduleWith(id: number, contents: readonly number[]): number[] {
  return [...emptyModule, ...section(id, contents)];
}

function manyComponents(count: number): Uint8Array<ArrayBuffer> {
  const instances = Array.from({ length: count }, () => [0x00, 0x00, 0x00]);
  return component(section(4, preamble), list(5, instances));
}

/** Defined outside, used inside: it would be another one in each instance. */
function outerResource(): Uint8Array<ArrayBuffer> {
  const inner = list(6, [[0x03, 0x02, 0x01, 0x00]]);
  return component(list(7, [[0x3f, 0x7f, 0x00]]), section(4, [...preamble, ...inner]));
}

function flags(count: number): number[] {
  const labels = Array.from({ length: count }, (_, at) => name(`f${at}`));
  return [0x6e, ...leb(count), ...labels.flat()];
}

function longName(): number[] {
  const long = 'a'.repeat(1024 * 1024);
  return list(7, [[0x6e, 0x01, ...name(long)]]);
}

function importOf(type: number, ...names: readonly string[]): number[] {
  const all = names.length === 0 ? ['f'] : names;
  return list(
    10,
    all.map((text) => [0x00, ...name(text), 0x01, ...leb(type)]),
  );
}

function importing(...names: readonly string[]): Uint8Array<ArrayBuffer> {
  return component(list(7, [[0x40, 0x00, 0x01, 0x00]]), importOf(0, ...names));
}

function twoMemories(): Uint8Array<ArrayBuffer> {
  const func = list(7, [[0x40, 0x00, 0x01, 0x00]]);
  return component(func, importOf(0), list(8, [[0x01, 0x00, 0x00, 0x02, 0x03, 0, 0x03, 0]]));
}

function manyInstances(count: number): Uint8Array<ArrayBuffer> {
  const instances = Array.from({ length: count }, () => [0x00, 0x00, 0x00]);
  return component(section(1, emptyModule), list(2, instances));
}
