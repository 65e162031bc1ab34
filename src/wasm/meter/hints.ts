/**
 * The custom section `metadata.code.branch_hint`: which of the meter's branches are unlikely. V8
 * then allots registers as if the slow path, with its calls, were not there. Hints of the original
 * are dropped: their offsets have shifted.
 */
import { SectionId } from '../binary/sections.ts';
import { ByteWriter } from '../binary/writer.ts';

const unlikely = 0;

export class HintSection {
  readonly #entries = new ByteWriter(1024);
  #functionCount = 0;

  get length(): number {
    return this.#entries.length;
  }

  /**
   * Takes the offsets of the unlikely branches of one function, counted from `base`, which counts
   * from its first byte; functions come in rising order.
   */
  add(functionIndex: number, offsets: readonly number[], base: number): void {
    if (offsets.length === 0) return;
    this.#functionCount++;
    this.#entries.writeU32(functionIndex);
    this.#entries.writeU32(offsets.length);
    for (const offset of offsets) {
      this.#entries.writeU32(base + offset);
      this.#entries.writeByte(1);
      this.#entries.writeByte(unlikely);
    }
  }

  /** Stands before the code section. */
  write(out: ByteWriter): void {
    if (this.#functionCount === 0) return;
    const contents = new ByteWriter(this.#entries.length + 64);
    contents.writeName('metadata.code.branch_hint');
    contents.writeU32(this.#functionCount);
    contents.writeBytes(this.#entries.view());
    out.writeSection(SectionId.custom, contents);
  }
}
