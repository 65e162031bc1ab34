/**
 * A core module that passes on one function of the host: what components export are functions of
 * core modules, and theirs may be the host's. Pure.
 */
import { ByteWriter } from '../binary/writer.ts';
import type { CoreSignature, FlatType } from './types.ts';

export const passedFrom = 'host';
export const passedName = 'f';

const preamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const typeBytes: Readonly<Record<FlatType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
};
const func = 0x00;

/** Imports that function under `passedFrom` and `passedName`, and exports it as `passedName`. */
export function passingModule({ params, results }: CoreSignature): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  writer.writeBytes(preamble);
  const section = (id: number, write: (contents: ByteWriter) => void): void => {
    const contents = new ByteWriter();
    contents.writeU32(1);
    write(contents);
    writer.writeSection(id, contents);
  };
  section(1, (contents) => {
    contents.writeByte(0x60);
    for (const types of [params, results]) {
      contents.writeU32(types.length);
      for (const type of types) contents.writeByte(typeBytes[type]);
    }
  });
  section(2, (contents) => {
    contents.writeName(passedFrom);
    contents.writeName(passedName);
    contents.writeBytes([func, 0]);
  });
  section(7, (contents) => {
    contents.writeName(passedName);
    contents.writeBytes([func, 0]);
  });
  return writer.finish();
}
