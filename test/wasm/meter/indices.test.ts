/**
 * Code that uses an index just past the original's is invalid, and would become valid by what the
 * meter appends: fuel, host table, card memory, helper functions. Here V8's validation is left out
 * on purpose: the rewriter refuses by itself, in each index space.
 */
import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { meterModule } from '../../../src/wasm/meter.ts';
import { emitModule, type ModuleParts } from '../support/assemble.ts';

/** One of everything: type, function, table, memory, tag, global, element, data; one local. */
const parts: ModuleParts = {
  types: [[0x60, 0, 0]],
  functions: [0],
  tables: [[0x70, 0, 1]],
  memories: [[0, 1]],
  tags: [[0, 0]],
  globals: [[0x7f, 1, 0x41, 0, 0x0b]],
  elements: [[1, 0, 1, 0]],
  dataCount: 1,
  data: [[1, 1, 0]],
};

function meterBody(...code: number[]): () => unknown {
  const bytes = emitModule({ ...parts, bodies: [[1, 1, 0x7f, ...code, 0x0b]] });
  return () => meterModule(bytes, inspectModule(bytes), { cards: true, isValidated: true });
}

const beyond: Readonly<Record<string, readonly number[]>> = {
  'local.get of a local': [0x20, 1, 0x1a],
  'local.set of a local': [0x41, 0, 0x21, 1],
  'local.tee of a local': [0x41, 0, 0x22, 1, 0x1a],
  'global.get of a global': [0x23, 1, 0x1a],
  'global.set of a global': [0x41, 0, 0x24, 1],
  'call of a function': [0x10, 1],
  'return_call of a function': [0x12, 1],
  'ref.func of a function': [0xd2, 1, 0x1a],
  'call_indirect by a type': [0x41, 0, 0x11, 1, 0],
  'call_indirect through a table': [0x41, 0, 0x11, 0, 1],
  'return_call_indirect through a table': [0x41, 0, 0x13, 0, 1],
  'call_ref of a type': [0xd0, 0x70, 0x14, 1],
  'block of a type': [0x02, 1, 0x0b],
  'loop of a type': [0x03, 1, 0x0b],
  'table.get of a table': [0x41, 0, 0x25, 1, 0x1a],
  'table.set of a table': [0x41, 0, 0xd0, 0x70, 0x26, 1],
  'table.size of a table': [0xfc, 16, 1, 0x1a],
  'table.grow of a table': [0xd0, 0x70, 0x41, 0, 0xfc, 15, 1, 0x1a],
  'table.fill of a table': [0x41, 0, 0xd0, 0x70, 0x41, 0, 0xfc, 17, 1],
  'table.copy to a table': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 14, 1, 0],
  'table.copy from a table': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 14, 0, 1],
  'table.init of a segment': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12, 1, 0],
  'table.init of a table': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12, 0, 1],
  'elem.drop of a segment': [0xfc, 13, 1],
  'data.drop of a segment': [0xfc, 9, 1],
  'memory.init of a segment': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 1, 0],
  'memory.init of a memory': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, 1],
  'memory.size of a memory': [0x3f, 1, 0x1a],
  'memory.grow of a memory': [0x41, 0, 0x40, 1, 0x1a],
  'memory.fill of a memory': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 1],
  'memory.copy to a memory': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 10, 1, 0],
  'memory.copy from a memory': [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 10, 0, 1],
  'load from a memory': [0x41, 0, 0x28, 0x42, 1, 0, 0x1a],
  'store to a memory': [0x41, 0, 0x41, 0, 0x36, 0x42, 1, 0],
  'vector load from a memory': [0x41, 0, 0xfd, 0, 0x44, 1, 0, 0x1a],
  'vector store to a memory': [0x41, 0, 0x41, 0, 0xfd, 15, 0xfd, 11, 0x44, 1, 0],
  'throw of a tag': [0x08, 1],
  'catch of a tag': [0x06, 0x40, 0x07, 1, 0x0b],
  'catch clause of a tag': [0x1f, 0x40, 1, 0, 1, 0, 0x0b],
  'catch clause to a label': [0x1f, 0x40, 1, 2, 9, 0x0b],
  'br to a label': [0x0c, 1],
  'br_if to a label': [0x41, 0, 0x0d, 1],
  'br_table to a label': [0x41, 0, 0x0e, 1, 0, 1],
  'br_on_null to a label': [0xd0, 0x70, 0xd5, 1, 0x1a],
  'rethrow to a label': [0x09, 1],
  'delegate to a label': [0x06, 0x40, 0x18, 2],
  'struct.new of a type': [0xfb, 0, 1, 0x1a],
  'array.new of a type': [0x41, 0, 0x41, 0, 0xfb, 6, 1, 0x1a],
  'array.get of a type': [0xd0, 0x6e, 0x41, 0, 0xfb, 11, 1, 0x1a],
  'array.new_data of a segment': [0x41, 0, 0x41, 0, 0xfb, 9, 0, 1, 0x1a],
  'array.new_elem of a segment': [0x41, 0, 0x41, 0, 0xfb, 10, 0, 1, 0x1a],
  'array.init_data of a segment': [0xd0, 0x6e, 0x41, 0, 0x41, 0, 0x41, 0, 0xfb, 18, 0, 1],
  'array.copy from a type': [0xd0, 0x6e, 0x41, 0, 0xd0, 0x6e, 0x41, 0, 0x41, 0, 0xfb, 17, 0, 1],
  'ref.null of a type': [0xd0, 1, 0x1a],
  'ref.test of a type': [0xd0, 0x70, 0xfb, 0x14, 1, 0x1a],
  'br_on_cast to a type': [0xd0, 0x70, 0xfb, 0x18, 3, 0, 0x70, 1, 0x1a],
  'select of a type': [0xd0, 0x70, 0xd0, 0x70, 0x41, 0, 0x1c, 1, 0x63, 1, 0x1a],
};

describe('meterModule() refuses an index past the original', () => {
  for (const [name, code] of Object.entries(beyond)) {
    test(name, () => {
      expect(meterBody(...code)).toThrow(/must exist: received number \d+ at offset \d+/);
    });
  }

  test('type of a local', () => {
    const metered = (type: number) => {
      const bytes = emitModule({ ...parts, bodies: [[1, 1, 0x63, type, 0x0b]] });
      return () => meterModule(bytes, inspectModule(bytes), { cards: true, isValidated: true });
    };
    expect(metered(1)).toThrow(/types must exist: received number 1 at offset \d+/);
    expect(metered(0)).not.toThrow();
  });

  test('and takes the last index of each space', () => {
    expect(meterBody(0x20, 0, 0x1a, 0x23, 0, 0x1a, 0x10, 0)).not.toThrow();
    expect(meterBody(0x41, 0, 0x28, 0x42, 0, 0, 0x1a)).not.toThrow();
  });
});

describe('inspectModule() refuses an index past what is declared', () => {
  const refused: Readonly<Record<string, ModuleParts>> = {
    'type of a function': { ...parts, functions: [1], bodies: [[0, 0x0b]] },
    'exported function': { ...parts, exports: { run: 1 }, bodies: [[0, 0x0b]] },
    'global in a constant': { ...parts, globals: [[0x7f, 0, 0x23, 0, 0x0b]], bodies: [[0, 0x0b]] },
    'function in a constant': {
      ...parts,
      globals: [[0x70, 0, 0xd2, 1, 0x0b]],
      bodies: [[0, 0x0b]],
    },
    'function in a segment': { ...parts, elements: [[1, 0, 1, 1]], bodies: [[0, 0x0b]] },
    'table of a segment': {
      ...parts,
      elements: [[2, 1, 0x41, 0, 0x0b, 0, 1, 0]],
      bodies: [[0, 0x0b]],
    },
    'memory of a segment': { ...parts, data: [[2, 1, 0x41, 0, 0x0b, 1, 0]], bodies: [[0, 0x0b]] },
    'type of a tag': { ...parts, tags: [[0, 1]], bodies: [[0, 0x0b]] },
  };
  for (const [name, shape] of Object.entries(refused)) {
    test(name, () => {
      expect(() => inspectModule(emitModule(shape))).toThrow(/must exist: received/);
    });
  }
});
