/** What is said of a trap, with the lines of the sources where the module tells them. Pure. */
import { ByteReader } from './binary/reader.ts';
import { findSection, readSections, type Section, SectionId } from './binary/sections.ts';
import { findLines, type SourceLine } from './line-program.ts';

/** As `engine/run/trap-report.ts` writes a frame: its offset in the file. */
const framePattern = /^( {4}at .* \()0x([0-9a-f]{1,8})\)$/gm;
const fileCharsMax = 200;

/**
 * `text` with `, src/main.rs:12` behind each offset that the module's debug information tells a
 * line of; as it was where there is none, or none that can be read.
 */
export function withSourceLines(text: string, module: Uint8Array): string {
  const offsets = [...text.matchAll(framePattern)].map(([, , hex = '']) =>
    Number.parseInt(hex, 16),
  );
  if (offsets.length === 0) return text;
  const lines = linesOf(module, offsets);
  return text.replace(framePattern, (frame, start: string, hex: string) => {
    const found = lines.get(Number.parseInt(hex, 16));
    return found === undefined ? frame : `${start}0x${hex}, ${placeOf(found)})`;
  });
}

function placeOf({ file, line }: SourceLine): string {
  return `${file.replace(/\p{Cc}/gu, '?').slice(-fileCharsMax)}:${line}`;
}

/** By offset in the file. */
function linesOf(module: Uint8Array, offsets: readonly number[]): ReadonlyMap<number, SourceLine> {
  try {
    const sections = readSections(module);
    const code = findSection(sections, SectionId.code);
    if (code === undefined) return new Map();
    const contents = (name: string): Uint8Array => contentsOf(module, sections, name);
    const found = findLines(
      {
        line: contents('.debug_line'),
        lineStrings: contents('.debug_line_str'),
        strings: contents('.debug_str'),
      },
      offsets.map((offset) => offset - code.start),
    );
    return new Map([...found].map(([offset, line]) => [offset + code.start, line]));
  } catch {
    // Custom sections are no part of what makes a module valid: broken ones tell nothing.
    return new Map();
  }
}

/** Of the custom section of that name; empty where there is none. */
function contentsOf(module: Uint8Array, sections: readonly Section[], name: string): Uint8Array {
  const section = sections.find((each) => each.id === SectionId.custom && each.name === name);
  if (section === undefined) return new Uint8Array(0);
  const reader = new ByteReader(module, section.start, section.end);
  reader.readName();
  return module.subarray(reader.pos, section.end);
}
