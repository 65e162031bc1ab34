/**
 * Which line of which source file stands at an offset of the code: the line programs that compilers
 * leave in `.debug_line` (DWARF 4 and 5, section 6.2; offsets as DWARF for WebAssembly counts them,
 * from the first byte of the code section's contents). Pure. The bytes are an owner's, who may lie
 * about his own sources and no more: every loop moves on, every read is within its section, and
 * names are read at the end alone, because a million files may all point to one name of a mebibyte.
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

/** Of line programs; what stands behind is not told: reading it takes a second and more. */
export const lineBytesMax = 16 * 1024 * 1024;
const filesPerUnitMax = 65_536;
const nameBytesMax = 1_024;

/** Reads the programs; `wanted` are offsets of the code. What is not told is left out. */
export function findLines(
  sections: DebugSections,
  wanted: readonly number[],
): ReadonlyMap<number, SourceLine> {
  const found = new Map<number, Row>();
  const offsets = [...new Set(wanted)];
  const reader = new LineReader(sections.line);
  while (reader.pos < reader.end && found.size < offsets.length) {
    const unit = readUnit(reader, sections);
    if (unit === undefined) break;
    new LineProgram(unit, offsets, found).run();
  }
  const lines = [...found].map(([offset, { file, line }]) => {
    const name = join(nameAt(file.directory), nameAt(file.name));
    return [offset, { file: name, line }] as const;
  });
  return new Map(lines);
}

interface Row {
  readonly file: SourceFile;
  readonly line: number;
}

/** Where a name begins, which ends before a zero byte. */
interface NamePlace {
  readonly bytes: Uint8Array;
  readonly start: number;
}

interface SourceFile {
  readonly directory: NamePlace | undefined;
  readonly name: NamePlace | undefined;
}

function nameAt(place: NamePlace | undefined): string {
  if (place === undefined) return '';
  const bytes = place.bytes.subarray(place.start, place.start + nameBytesMax);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
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

  /** Moves on behind a zero byte; undefined where there is nothing before it. */
  passName(): NamePlace | undefined {
    const { bytes, pos: start } = this;
    while (this.readByte() !== 0);
    return this.pos === start + 1 ? undefined : { bytes, start };
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
  readonly fileOf: (index: number) => SourceFile | undefined;
}

/** Moves on to the next unit. Undefined for what no compiler for WebAssembly writes. */
function readUnit(reader: LineReader, sections: DebugSections): Unit | undefined {
  const length = reader.readFixedU32();
  // From here on lengths have 64 bits: a module has no room for that.
  if (length >= 0xffff_fff0) return undefined;
  const start = reader.pos;
  if (start + length > lineBytesMax) return undefined;
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
function readFiles4(unit: LineReader): readonly SourceFile[] {
  const directories: (NamePlace | undefined)[] = [undefined];
  for (let name = unit.passName(); name !== undefined; name = unit.passName()) {
    addTo(directories, name);
  }
  const files: SourceFile[] = [];
  for (let name = unit.passName(); name !== undefined; name = unit.passName()) {
    const directory = directories[unit.readU64()];
    unit.readU64();
    unit.readU64();
    addTo(files, { directory, name });
  }
  return files;
}

/** What is too much is left out; what comes behind it has its place all the same. */
function addTo<T>(list: T[], item: T): void {
  if (list.length < filesPerUnitMax) list.push(item);
}

const contentPath = 1;
const contentDirectory = 2;

function readFiles5(unit: LineReader, sections: DebugSections): readonly SourceFile[] {
  const names = readEntries(unit, sections).map(({ name }) => name);
  return readEntries(unit, sections).map(({ directory, name }) => ({
    // Directory 0 is that of the compilation: names within it are short without it.
    directory: directory === 0 ? undefined : names[directory],
    name,
  }));
}

interface Entry {
  readonly name: NamePlace | undefined;
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
    let name: NamePlace | undefined;
    let directory = 0;
    for (const { content, form } of formats) {
      const value = readForm(unit, form, sections);
      if (content === contentPath && typeof value === 'object') name = value;
      if (content === contentDirectory && typeof value === 'number') directory = value;
    }
    addTo(entries, { name, directory });
  }
  return entries;
}

/** @throws TerrafirmaError for a form that file tables do not have */
function readForm(
  unit: LineReader,
  form: number,
  sections: DebugSections,
): NamePlace | number | undefined {
  switch (form) {
    case 0x05:
      return unit.readU16();
    case 0x06:
      return unit.readFixedU32();
    case 0x07:
      unit.skip(8);
      return 0;
    case 0x08:
      return unit.passName();
    case 0x09:
      unit.skip(unit.readU64());
      return 0;
    case 0x0b:
      return unit.readByte();
    case 0x0e:
      return { bytes: sections.strings, start: unit.readFixedU32() };
    case 0x0f:
      return unit.readU64();
    case 0x1e:
      unit.skip(16);
      return 0;
    case 0x1f:
      return { bytes: sections.lineStrings, start: unit.readFixedU32() };
    default:
      // Without its length nobody knows where the next entry begins.
      unit.skip(unit.end);
      return 0;
  }
}

function join(directory: string, name: string): string {
  return directory === '' || name.startsWith('/') ? name : `${directory}/${name}`;
}

/** The state machine of section 6.2.2, as far as files and lines need it. */
class LineProgram {
  readonly #unit: Unit;
  readonly #wanted: readonly number[];
  readonly #found: Map<number, Row>;
  #address = 0;
  #file = 1;
  #line = 1;
  /** Where the sequence begins, and its last row; undefined before its first. */
  #start = 0;
  #row: { address: number; file: number; line: number } | undefined;

  constructor(unit: Unit, wanted: readonly number[], found: Map<number, Row>) {
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
