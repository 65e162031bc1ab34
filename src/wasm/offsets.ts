/**
 * Where code of a metered module stands in the original: what was copied, what was put between and
 * what was left out, in the order of the code. Some three bytes for each thing put in.
 */
import { ByteWriter } from './binary/writer.ts';

/** Offsets count from the first byte of a module, as they do where V8 prints them. */
export interface OffsetMap {
  /** Where the rewritten code begins: the sections before it are longer than they were. */
  readonly codeStart: number;
  /** Functions of the original, imports counted; those behind them are the meter's own. */
  readonly functionCount: number;
  /**
   * For each run three numbers as signed LEB128: bytes put in, bytes left out (less than none where
   * code is written once more), bytes copied behind.
   */
  readonly runs: Uint8Array;
}

/** Writes the runs of a map while code is rewritten. */
export class OffsetWriter {
  readonly #runs = new ByteWriter(4096);

  /** The next run. */
  add(inserted: number, skipped: number, copied: number): void {
    this.#runs.writeS64(inserted);
    this.#runs.writeS64(skipped);
    this.#runs.writeS64(copied);
  }

  /** Everything of `other`, whose first run follows ours. */
  append(other: OffsetWriter): void {
    this.#runs.append(other.#runs);
  }

  clear(): void {
    this.#runs.clear();
  }

  /** The runs, in memory that all threads share. */
  finish(): Uint8Array {
    const shared = new Uint8Array(new SharedArrayBuffer(this.#runs.length));
    shared.set(this.#runs.view());
    return shared;
  }
}

/**
 * The offset in the original of what stands at `offset` in the metered module; of what was put in,
 * that of the instruction it was put in for. Undefined outside of the guest's own code.
 */
export function originalOffset(map: OffsetMap, offset: number): number | undefined {
  if (offset < map.codeStart) return undefined;
  const { runs } = map;
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = runs[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte < 0x40 ? value : value - 128 * scale;
    }
  };
  let metered = map.codeStart;
  let original = 0;
  while (at < runs.length) {
    metered += read();
    if (offset < metered) return original;
    original += read();
    const copied = read();
    if (offset < metered + copied) return original + (offset - metered);
    metered += copied;
    original += copied;
  }
  return undefined;
}
