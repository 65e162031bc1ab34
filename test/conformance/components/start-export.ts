/**
 * A module whose start function is an export instead: so it can be called on a stack that can be
 * suspended, which V8 does not have while it makes an instance.
 */
import { leb, name, section } from '../../support/component-bytes.ts';

export const startExport = 'terrafirma:start';

const preambleBytes = 8;
const exportSection = 7;
const startSection = 8;

interface Section {
  readonly id: number;
  readonly contents: Uint8Array;
}

/** The same bytes where there is no start function. */
export function exportStart(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const sections = readSections(bytes);
  const start = sections.find(({ id }) => id === startSection);
  if (start === undefined) return bytes;
  const entry = [...name(startExport), 0x00, ...start.contents];
  const written: number[] = [...bytes.subarray(0, preambleBytes)];
  let isExported = false;
  for (const { id, contents } of sections) {
    if (id === startSection) {
      if (!isExported) written.push(...section(exportSection, [1, ...entry]));
      continue;
    }
    if (id !== exportSection) {
      written.push(...section(id, [...contents]));
      continue;
    }
    isExported = true;
    const { value: count, next } = readLeb(contents, 0);
    const all = [...leb(count + 1), ...contents.subarray(next), ...entry];
    written.push(...section(id, all));
  }
  return Uint8Array.from(written);
}

function readSections(bytes: Uint8Array): readonly Section[] {
  const sections: Section[] = [];
  for (let at = preambleBytes; at < bytes.length; ) {
    const { value: length, next } = readLeb(bytes, at + 1);
    sections.push({ id: bytes[at] ?? 0, contents: bytes.subarray(next, next + length) });
    at = next + length;
  }
  return sections;
}

function readLeb(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let place = 0; ; place += 1) {
    const byte = bytes[at + place] ?? 0;
    value += (byte % 128) * 128 ** place;
    if (byte < 128) return { value, next: at + place + 1 };
  }
}
