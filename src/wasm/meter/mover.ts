/**
 * A module that copies the state of one instance to another of the same form: the globals that
 * `names.state` tells. Through JavaScript, NaN bits would be lost and v128 cannot pass at all.
 */
import { ByteWriter } from '../binary/writer.ts';

const globalImport = 3;
const mutable = 1;
const localVariables = 0;
const globalGet = 0x23;
const globalSet = 0x24;
const end = 0x0b;

/**
 * The module for globals of these value types. It imports those of the source as `from.0`,
 * `from.1` …, those of the target as `to.0` …, and exports `move`.
 */
export function moverBytes(types: readonly number[]): Uint8Array<ArrayBuffer> {
  const typeSection = new ByteWriter();
  typeSection.writeBytes([1, 0x60, 0, 0]);
  const imports = new ByteWriter();
  imports.writeU32(types.length * 2);
  for (const side of ['from', 'to']) {
    for (const [index, type] of types.entries()) {
      imports.writeName(side);
      imports.writeName(String(index));
      imports.writeBytes([globalImport, type, mutable]);
    }
  }
  const functions = new ByteWriter();
  functions.writeBytes([1, 0]);
  const exports = new ByteWriter();
  exports.writeU32(1);
  exports.writeName('move');
  exports.writeBytes([0, 0]);
  const body = new ByteWriter();
  body.writeByte(localVariables);
  for (let index = 0; index < types.length; index += 1) {
    body.writeByte(globalGet);
    body.writeU32(index);
    body.writeByte(globalSet);
    body.writeU32(types.length + index);
  }
  body.writeByte(end);
  const code = new ByteWriter();
  code.writeU32(1);
  code.writeU32(body.view().length);
  code.writeBytes(body.view());
  const module = new ByteWriter();
  module.writeBytes([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  module.writeSection(1, typeSection);
  module.writeSection(2, imports);
  module.writeSection(3, functions);
  module.writeSection(7, exports);
  module.writeSection(10, code);
  return module.finish();
}
