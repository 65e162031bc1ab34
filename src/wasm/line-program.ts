/**
 * Which line of which source file stands at an offset of the code: the line programs that compilers
 * leave in `.debug_line` (DWARF 4 and 5, section 6.2; offsets as DWARF for WebAssembly counts them,
 * from the first byte of the code section's contents). Pure. The bytes are an owner's, who may lie
 * about his own sources and no more: every loop moves on, every read is within its section.
 */
import { ByteReader } from './binary/reader.ts';

/** The sections of a module that a line program may point into. */
export interface DebugSections {
  readonly line: Uint8Array;
  readonly lineStrings: Uint8Array;
  readonly strings: Uint8Array;
}

export interface SourceLine {
  readonly file: string;
  readonly line: number;
}

/** Reads every program; `wanted` are offsets of the code. What is not told is left out. */
export function findLines(
  sections: DebugSections,
  wanted: readonly number[],
): ReadonlyMap<number, SourceLine> {
  const found = new Map<number, SourceLine>();
  const reader = new LineReader(sections.line);
  while (reader.pos < reader.end && found.size < wanted.length) {
    const unit = readUnit(reader, sections);
    if (unit === undefined) return found;
    new LineProgram(unit, wanted, found).run();
  }
  return found;
}

class LineReader extends ByteReader {
  readU16(): number {
    return this.readByte() | (this.readByte() << 8);
  }

  readFixedU32(): number {
    return (this.readU16() | (this.readU16() << 16)) >>> 0;
  }

  /** Signed LEB128, as a double. */
  readSigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.readByte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte & 0x40 ? value - scale * 128 : value;
    }
  }

  /** Up to a zero byte. */
  readText(): string {
    const start = this.pos;
    while (this.readByte() !== 0);
    return new TextDecoder().decode(this.bytes.subarray(start, this.pos - 1));
  }
}

interface Unit {
  /** At the first opcode; ends with the unit. */
  readonly program: LineReader;
  readonly minimumBytes: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** How many operands the standard opcodes have, from 1 on. */
  readonly operandCounts: readonly number[];
  readonly fileOf: (index: number) => string | undefined;
}

/** Moves on to the next unit. Undefined for what no compiler for WebAssembly writes. */
function readUnit(reader: LineReader, sections: DebugSections): Unit | undefined {
  const length = reader.readFixedU32();
  // From here on lengths have 64 bits: a module has no room for that.
  if (length >= 0xffff_fff0) return undefined;
  const start = reader.pos;
  reader.skip(length);
  const unit = new LineReader(reader.bytes, start, reader.pos);
  const version = unit.readU16();
  if (version < 2 || version > 5) return undefined;
  // The sizes of an address and of a segment.
  if (version === 5) unit.skip(2);
  const headerBytes = unit.readFixedU32();
  const programStart = unit.pos + headerBytes;
  const minimumBytes = unit.readByte();
  // Of machines with several instructions in one word.
  if (version >= 4) unit.skip(1);
  unit.skip(1);
  const lineBase = (unit.readByte() << 24) >> 24;
  const lineRange = unit.readByte();
  const opcodeBase = unit.readByte();
  const operandCounts = Array.from({ length: Math.max(0, opcodeBase - 1) }, () => unit.readByte());
  const files = version === 5 ? readFiles5(unit, sections) : readFiles4(unit);
  if (lineRange === 0 || programStart > unit.end) return undefined;
  return {
    ...{ minimumBytes, lineBase, lineRange, opcodeBase, operandCounts },
    program: new LineReader(unit.bytes, programStart, unit.end),
    fileOf: (index) => files[version === 5 ? index : index - 1],
  };
}

/** Before DWARF 5: directory 0 is that of the compilation, which stands elsewhere. */
function readFiles4(unit: LineReader): readonly string[] {
  const directories = [''];
  for (let name = unit.readText(); name !== ''; name = unit.readText()) directories.push(name);
  const files: string[] = [];
  for (let name = unit.readText(); name !== ''; name = unit.readText()) {
    const directory = directories[unit.readU64()] ?? '';
    unit.readU64();
    unit.readU64();
    files.push(join(directory, name));
  }
  return files;
}

const contentPath = 1;
const contentDirectory = 2;

function readFiles5(unit: LineReader, sections: DebugSections): readonly string[] {
  const directories = readEntries(unit, sections);
  const names = directories.map(({ path }) => path);
  return readEntries(unit, sections).map(({ directory, path }) =>
    // Directory 0 is that of the compilation: names within it are short without it.
    join(directory === 0 ? '' : (names[directory] ?? ''), path),
  );
}

interface Entry {
  readonly path: string;
  readonly directory: number;
}

function readEntries(unit: LineReader, sections: DebugSections): readonly Entry[] {
  const formats = Array.from({ length: unit.readByte() }, () => ({
    content: unit.readU64(),
    form: unit.readU64(),
  }));
  const count = unit.readU64();
  const entries: Entry[] = [];
  // Entries without a byte would be as many as somebody likes to say.
  for (let at = 0; at < count && formats.length > 0; at += 1) {
    let path = '';
    let directory = 0;
    for (const { content, form } of formats) {
      const value = readForm(unit, form, sections);
      if (content === contentPath) path = String(value);
      if (content === contentDirectory) directory = Number(value);
    }
    entries.push({ path, directory });
  }
  return entries;
}

/** @throws TerrafirmaError for a form that file tables do not have */
function readForm(unit: LineReader, form: number, sections: DebugSections): string | number {
  switch (form) {
    case 0x05:
      return unit.readU16();
    case 0x06:
      return unit.readFixedU32();
    case 0x07:
      unit.skip(8);
      return 0;
    case 0x08:
      return unit.readText();
    case 0x09:
      unit.skip(unit.readU64());
      return 0;
    case 0x0b:
      return unit.readByte();
    case 0x0e:
      return textAt(sections.strings, unit.readFixedU32());
    case 0x0f:
      return unit.readU64();
    case 0x1e:
      unit.skip(16);
      return 0;
    case 0x1f:
      return textAt(sections.lineStrings, unit.readFixedU32());
    default:
      // Without its length nobody knows where the next entry begins.
      unit.skip(unit.end);
      return 0;
  }
}

function textAt(strings: Uint8Array, offset: number): string {
  return new LineReader(strings, Math.min(offset, strings.length)).readText();
}

function join(directory: string, name: string): string {
  return directory === '' || name.startsWith('/') ? name : `${directory}/${name}`;
}

/** The state machine of section 6.2.2, as far as files and lines need it. */
class LineProgram {
  readonly #unit: Unit;
  readonly #wanted: readonly number[];
  readonly #found: Map<number, SourceLine>;
  #address = 0;
  #file = 1;
  #line = 1;
  /** Where the sequence begins, and its last row; undefined before its first. */
  #start = 0;
  #row: { address: number; file: number; line: number } | undefined;

  constructor(unit: Unit, wanted: readonly number[], found: Map<number, SourceLine>) {
    this.#unit = unit;
    this.#wanted = wanted;
    this.#found = found;
  }

  run(): void {
    const { opcodeBase, program } = this.#unit;
    while (program.pos < program.end) {
      const opcode = program.readByte();
      if (opcode >= opcodeBase) this.#special(opcode - opcodeBase);
      else if (opcode === 0) this.#extended();
      else this.#standard(opcode);
    }
  }

  #special(adjusted: number): void {
    const { lineBase, lineRange } = this.#unit;
    this.#advance(Math.floor(adjusted / lineRange));
    this.#line += lineBase + (adjusted % lineRange);
    this.#addRow();
  }

  #standard(opcode: number): void {
    const { lineRange, opcodeBase, operandCounts, program } = this.#unit;
    if (opcode === 1) this.#addRow();
    else if (opcode === 2) this.#advance(program.readU64());
    else if (opcode === 3) this.#line += program.readSigned();
    else if (opcode === 4) this.#file = program.readU64();
    else if (opcode === 8) this.#advance(Math.floor((255 - opcodeBase) / lineRange));
    else if (opcode === 9) this.#address += program.readU16();
    else for (let left = operandCounts[opcode - 1] ?? 0; left > 0; left -= 1) program.skipLeb(10);
  }

  #extended(): void {
    const { program } = this.#unit;
    const length = program.readU64();
    const end = program.pos + length;
    if (length === 0 || end > program.end) {
      program.pos = program.end;
      return;
    }
    const opcode = program.readByte();
    if (opcode === 1) this.#endSequence();
    if (opcode === 2 && length === 5) this.#address = program.readFixedU32();
    program.pos = end;
  }

  #advance(operations: number): void {
    this.#address += operations * this.#unit.minimumBytes;
  }

  #addRow(): void {
    this.#settle();
    if (this.#row === undefined) this.#start = this.#address;
    this.#row = { address: this.#address, file: this.#file, line: this.#line };
  }

  #endSequence(): void {
    this.#settle();
    this.#address = 0;
    this.#file = 1;
    this.#line = 1;
    this.#row = undefined;
  }

  /** The last row holds up to here. What the linker has left out stands at 0, or below. */
  #settle(): void {
    const row = this.#row;
    // Line 0: what the compiler put in of its own.
    if (row === undefined || row.line === 0 || this.#start === 0) return;
    if (this.#address <= row.address) return;
    for (const offset of this.#wanted) {
      if (offset < row.address || offset >= this.#address) continue;
      const file = this.#unit.fileOf(row.file);
      if (file !== undefined) this.#found.set(offset, { file, line: row.line });
    }
  }
}
