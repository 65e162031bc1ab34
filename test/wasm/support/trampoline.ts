/** Functions of JavaScript, made into such as tables hold. */
import { ByteWriter } from '../../../src/wasm/binary/writer.ts';
import { hostSlotFaces, hostSlots } from '../../../src/wasm/meter.ts';

function buildTrampoline(): Uint8Array<ArrayBuffer> {
  const types = new ByteWriter();
  const imports = new ByteWriter();
  const functions = new ByteWriter();
  const exports = new ByteWriter();
  const code = new ByteWriter();
  for (const section of [types, imports, functions, exports, code]) {
    section.writeU32(hostSlots.length);
  }
  for (const [i, slot] of hostSlots.entries()) {
    const { params, results } = hostSlotFaces[slot];
    const { length: paramCount } = params;
    const { length: resultCount } = results;
    types.writeBytes([0x60, paramCount, ...Array<number>(paramCount).fill(0x7f)]);
    types.writeBytes([resultCount, ...Array<number>(resultCount).fill(0x7f)]);
    imports.writeName('host');
    imports.writeName(slot);
    imports.writeBytes([0, i]);
    functions.writeU32(i);
    exports.writeName(slot);
    exports.writeBytes([0, hostSlots.length + i]);
    const getParams = Array.from({ length: paramCount }, (_, param) => [0x20, param]).flat();
    code.writeBytes([getParams.length + 4, 0, ...getParams, 0x10, i, 0x0b]);
  }
  const module = new ByteWriter();
  module.writeBytes([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  module.writeSection(1, types);
  module.writeSection(2, imports);
  module.writeSection(3, functions);
  module.writeSection(7, exports);
  module.writeSection(10, code);
  return module.finish();
}

/** A module that re-exports imported JavaScript functions, so that they fit into the host table. */
export const trampolineBytes: Uint8Array<ArrayBuffer> = buildTrampoline();
