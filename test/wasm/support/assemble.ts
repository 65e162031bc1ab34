/** WebAssembly text and hand-written bodies as bytes, for tests. */
import makeWabt from 'wabt';
import { ByteWriter } from '../../../src/wasm/binary/writer.ts';

const wabt = await makeWabt();

/** The bytes of a module in text form. */
export function assemble(wat: string): Uint8Array<ArrayBuffer> {
  const features = {
    exceptions: true,
    tail_call: true,
    multi_memory: true,
    memory64: true,
    bulk_memory: true,
    reference_types: true,
    simd: true,
    threads: true,
  };
  const parsed = wabt.parseWat('test.wat', wat, features);
  parsed.resolveNames();
  return Uint8Array.from(parsed.toBinary({}).buffer);
}

type Entry = readonly number[];

export interface ModuleParts {
  readonly types?: readonly Entry[];
  readonly imports?: readonly Entry[];
  /** Type index of each function. */
  readonly functions?: readonly number[];
  readonly tables?: readonly Entry[];
  readonly memories?: readonly Entry[];
  readonly tags?: readonly Entry[];
  readonly globals?: readonly Entry[];
  /** Exports of functions by name. */
  readonly exports?: Readonly<Record<string, number>>;
  readonly elements?: readonly Entry[];
  readonly dataCount?: number;
  /** Bodies without their size: local declarations and code, `end` included. */
  readonly bodies?: readonly Entry[];
  readonly data?: readonly Entry[];
}

/** Bytes of a string with its length before it. */
export function nameBytes(name: string): number[] {
  const encoded = new TextEncoder().encode(name);
  return [encoded.length, ...encoded];
}

function sectionOf(id: number, entries: readonly Entry[] | undefined, out: ByteWriter): void {
  if (entries === undefined) return;
  const contents = new ByteWriter();
  contents.writeU32(entries.length);
  for (const entry of entries) contents.writeBytes(entry);
  out.writeSection(id, contents);
}

function sized(body: Entry): number[] {
  const writer = new ByteWriter();
  writer.writeU32(body.length);
  return [...writer.view(), ...body];
}

/** A module from the bytes of its entries: for what no text format assembler here can write. */
export function emitModule(parts: ModuleParts): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.writeBytes([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  const exports = Object.entries(parts.exports ?? {}).map(([name, index]) => {
    return [...nameBytes(name), 0, index];
  });
  sectionOf(1, parts.types, out);
  sectionOf(2, parts.imports, out);
  sectionOf(
    3,
    parts.functions?.map((type) => [type]),
    out,
  );
  sectionOf(4, parts.tables, out);
  sectionOf(5, parts.memories, out);
  sectionOf(13, parts.tags, out);
  sectionOf(6, parts.globals, out);
  if (exports.length > 0) sectionOf(7, exports, out);
  sectionOf(9, parts.elements, out);
  if (parts.dataCount !== undefined) {
    const contents = new ByteWriter();
    contents.writeU32(parts.dataCount);
    out.writeSection(12, contents);
  }
  sectionOf(10, parts.bodies?.map(sized), out);
  sectionOf(11, parts.data, out);
  return out.finish();
}
