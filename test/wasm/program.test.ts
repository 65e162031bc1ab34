import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../src/wasm/inspect.ts';
import type { Link } from '../../src/wasm/meter.ts';
import { type MeteredProgram, meterProgram } from '../../src/wasm/program.ts';
import { assemble } from './support/assemble.ts';

interface Core {
  readonly text: string;
  readonly links?: readonly Link[];
}

function meter(...cores: readonly Core[]): MeteredProgram {
  const sources = cores.map(({ text, links = [] }) => {
    const bytes = assemble(text);
    return { bytes, shape: inspectModule(bytes), links };
  });
  return meterProgram(sources, {});
}

function link(name: string, core = 0): Link {
  return { module: 'a', name, core, export: name };
}

const owner = `(module (memory (export "m") 1 4) (table (export "t") 2 funcref)
  (global (export "g") (mut externref) (ref.null extern)) (func (export "f")))`;

describe('meterProgram()', () => {
  test('numbers each memory once, whoever imports it, also by way of another core', () => {
    const passing = '(module (import "a" "m" (memory 1)) (export "m" (memory 0)) (memory 1))';
    const { memories, cores } = meter(
      { text: owner },
      { text: '(module (import "a" "m" (memory 1)) (export "m" (memory 0)))', links: [link('m')] },
      { text: passing, links: [link('m', 1)] },
    );
    expect(cores.map((core) => core.memories)).toEqual([[0], [0], [0, 1]]);
    expect(memories.map(({ pagesMax }) => pagesMax)).toEqual([4, 2_048]);
  });

  test('marks what all cores share in card memories of one size', () => {
    const { cores } = meter(
      { text: '(module (memory (export "m") 1 4))' },
      { text: '(module (import "a" "m" (memory 1)))', links: [link('m')] },
      { text: '(module (memory 1))' },
    );
    const pages = new Set(cores.map(({ cards }) => cards?.cards?.pages));
    expect(pages.size).toBe(1);
    expect(pages.has(undefined)).toBe(false);
  });

  test('marks nothing where a core writes to a memory without marking it', () => {
    const two = '(module (memory (export "m") 1) (memory (export "n") 1))';
    const { cores } = meter(
      { text: two },
      { text: '(module (import "a" "n" (memory 1)))', links: [link('n')] },
    );
    expect(cores.every(({ cards }) => cards === undefined)).toBe(true);
  });

  test('the owner puts back what others change; what it cannot put back, nobody can', () => {
    const user = `(module (import "a" "t" (table 2 funcref))
      (import "a" "g" (global (mut externref)))
      (func (table.set 0 (i32.const 0) (ref.null func))))`;
    const { cores } = meter({ text: owner }, { text: user, links: [link('t'), link('g')] });
    expect(cores[0]?.plain.changedTables).toEqual([0]);
    expect(cores[0]?.plain.restorable).toEqual({ reason: expect.stringMatching(/global 0/) });
    expect(cores[1]?.plain.restorable).toBe(true);
  });

  test.each([
    ['an export that is not there', link('nothing'), '(import "a" "nothing" (func))'],
    ['an export of another kind', link('f'), '(import "a" "f" (memory 1))'],
    ['a core that comes later', link('f', 1), '(import "a" "f" (func))'],
    ['nothing, for a table', link('f'), '(import "b" "t" (table 1 funcref))'],
  ])('refuses a link to %s', (_, wrong, imported) => {
    const user = { text: `(module ${imported})`, links: [wrong] };
    expect(() => meter({ text: owner }, user)).toThrow(/^Cannot link the program: /);
  });

  test('leaves a module that runs alone as it was', () => {
    const [core] = meter({ text: '(module (import "a" "t" (table 1 funcref)))' }).cores;
    expect(core?.plain.restorable).toEqual({ reason: expect.stringMatching(/table 0/) });
  });
});
