/**
 * One program as many, each with code of its own: a further function that nobody calls, with a
 * number in it. Nothing that is kept for one of them by its code is of use to another.
 */
import { ByteReader } from '../src/wasm/binary/reader.ts';
import { readSections, SectionId } from '../src/wasm/binary/sections.ts';
import { ByteWriter } from '../src/wasm/binary/writer.ts';

const opcodes = { constant: 0x41, drop: 0x1a, end: 0x0b } as const;
const functionType = Uint8Array.of(0x60, 0, 0);

/** @throws Error where `program` has no function of its own, or types of another kind. */
export function withOwnCode(program: Uint8Array, number: number): Uint8Array<ArrayBuffer> {
  const sections = readSections(program);
  const type = sections.find(({ id }) => id === SectionId.type);
  const typeCount = new ByteReader(program, type?.start, type?.end).readU32();
  const additions = new Map<number, Uint8Array>([
    [SectionId.type, functionType],
    [SectionId.function, numberBytes(typeCount)],
    [SectionId.code, functionBody(number)],
  ]);
  const output = new ByteWriter(program.length + 64);
  output.copyRange(program, 0, sections[0]?.offset ?? program.length);
  for (const { id, offset, start, end } of sections) {
    const addition = additions.get(id);
    additions.delete(id);
    if (addition === undefined) output.copyRange(program, offset, end);
    else output.writeSection(id, withOneMore(new ByteReader(program, start, end), addition));
  }
  const module = output.finish();
  if (additions.size === 0 && WebAssembly.validate(module)) return module;
  throw new Error('Cannot give a program code of its own: it must be a module of plain types');
}

/** The list that `reader` stands before, and `item` behind its last one. */
function withOneMore(reader: ByteReader, item: Uint8Array): ByteWriter {
  const writer = new ByteWriter(reader.end - reader.pos + item.length + 8);
  writer.writeU32(reader.readU32() + 1);
  writer.copyRange(reader.bytes, reader.pos, reader.end);
  writer.writeBytes(item);
  return writer;
}

function functionBody(number: number): Uint8Array {
  const body = new ByteWriter();
  body.writeU32(0);
  body.writeByte(opcodes.constant);
  body.writeS64(number);
  body.writeByte(opcodes.drop);
  body.writeByte(opcodes.end);
  const framed = new ByteWriter();
  framed.writeU32(body.length);
  framed.append(body);
  return framed.finish();
}

function numberBytes(value: number): Uint8Array {
  const writer = new ByteWriter();
  writer.writeU32(value);
  return writer.finish();
}
