/**
 * The names of a Go program's functions, from the table that its runtime prints stacks by: it is
 * in every program, also where the linker was told to leave names out (`-ldflags="-s -w"`).
 *
 *   header   u32 0xfffffff1, two zeros, u8 1, u8 8 (size of a pointer)
 *            u64 functions, u64 files, u64 (where code begins, once)
 *            u64 offsets from the header: names, units, files, pc tables, functions
 *   functions  of each: u32 place of its code, u32 offset from here of what is said of it,
 *            which begins with u32 place, u32 offset of its name
 *
 * (Go 1.20 to 1.26: `runtime/symtab.go`, `cmd/link/internal/ld/pcln.go`.) The place of a function
 * is that in the table; older linkers write it in the upper 16 bits.
 */

/** Where the table of functions begins; Go calls it funcValueOffset. */
export const firstPlace = 0x1000;

const magic = Buffer.from([0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8]);
const headerBytes = 72;
const namesAt = 32;
const functionsAt = 64;
const entryBytes = 8;
const nameCharsMax = 1_024;
const wideUnit = 65_536;

/** Names by number among the functions with a body; undefined where there is no such table. */
export function readFunctionNames(
  image: Buffer,
  functionCount: number,
): ReadonlyMap<number, string> | undefined {
  const header = image.indexOf(magic);
  if (header < 0 || header + headerBytes > image.length) return undefined;
  const offsetAt = (place: number): number =>
    header + Number(image.readBigUInt64LE(header + place));
  const count = Number(image.readBigUInt64LE(header + 8));
  const names = offsetAt(namesAt);
  const functions = offsetAt(functionsAt);
  if (count > functionCount || !fits(image, functions, count * entryBytes)) return undefined;
  const unit = unitOf(image, functions, count);
  const found = new Map<number, string>();
  for (let i = 0; i < count; i += 1) {
    const entry = functions + i * entryBytes;
    const said = functions + image.readUInt32LE(entry + 4);
    if (!fits(image, said, entryBytes)) return undefined;
    const name = readName(image, names + image.readUInt32LE(said + 4));
    if (name === undefined) return undefined;
    found.set(image.readUInt32LE(entry) / unit - firstPlace, name);
  }
  return found;
}

/** 1, or 65,536 where places stand in the upper half. */
function unitOf(image: Buffer, functions: number, count: number): number {
  for (let i = 0; i < count; i += 1) {
    if (image.readUInt32LE(functions + i * entryBytes) % wideUnit !== 0) return 1;
  }
  return wideUnit;
}

function fits(image: Buffer, at: number, bytes: number): boolean {
  return at + bytes <= image.length;
}

function readName(image: Buffer, at: number): string | undefined {
  const end = image.indexOf(0, at);
  if (at >= image.length || end < 0 || end - at > nameCharsMax) return undefined;
  return image.toString('latin1', at, end);
}
