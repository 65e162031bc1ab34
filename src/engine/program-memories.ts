/**
 * The linear memories of one instance, each once, whichever of its cores have it: how large the
 * guest believes they are, what was written, and the host's way into them.
 */
import { GuestMemory, type GuestMemoryOptions, pageBytes } from '../abi/memory.ts';
import { TerrafirmaError } from '../errors.ts';
import type { CardMarks } from './restore/card-table.ts';
import type { RunSlot } from './run-slot.ts';
import type { CoreMemory } from './serving.ts';

export interface ProgramMemoriesOptions {
  readonly slot: RunSlot;
  /** In the order of the program's plan. */
  readonly memories: readonly WebAssembly.Memory[];
  /** Of each that is marked. */
  readonly marks: readonly (CardMarks | undefined)[];
}

type SizeGlobal = WebAssembly.Global<number | bigint>;

/** What one core believes of the size of a memory, in pages. */
interface Belief extends CoreMemory {
  readonly size: SizeGlobal;
}

const nothingOpened: readonly undefined[] = [];
const noBeliefs: readonly Belief[] = [];

export class ProgramMemories {
  readonly all: readonly WebAssembly.Memory[];
  readonly marks: readonly (CardMarks | undefined)[];
  readonly #slot: RunSlot;
  /** Of each memory, for every core that has it. */
  #sizes: readonly (readonly Belief[])[];
  /** Made when the host first wants in. */
  #opened: readonly (GuestMemory | undefined)[] = nothingOpened;

  constructor({ slot, memories, marks }: ProgramMemoriesOptions) {
    this.#slot = slot;
    this.all = memories;
    this.marks = marks;
    this.#sizes = memories.map(() => noBeliefs);
  }

  /**
   * Core number `core` was made, which has these memories, by their numbers here. What it shares
   * with cores before it has the size that those believe in.
   */
  join(core: number, numbers: readonly number[], sizes: readonly (SizeGlobal | undefined)[]): void {
    for (const [index, number] of numbers.entries()) {
      const size = sizes[index];
      const all = this.#sizes[number];
      if (size === undefined || all === undefined) continue;
      const [known] = all;
      if (known !== undefined) size.value = known.size.value;
      // Of exactly that length: a list that grows takes room for sixteen more.
      this.#sizes = this.#sizes.with(number, all.concat({ core, index, size }));
    }
  }

  /** Bytes that all memories take now, those included that runs before this one grew. */
  get physicalBytes(): number {
    let bytes = 0;
    for (const { buffer } of this.all) bytes += buffer.byteLength;
    return bytes;
  }

  physicalBytesOf(memory: number): number {
    return this.all[memory]?.buffer.byteLength ?? 0;
  }

  /** Bytes of all memories but number `memory` as this run sees them. */
  bytesBeside(memory: number): number {
    let bytes = 0;
    for (let other = 0; other < this.all.length; other += 1) {
      if (other !== memory) bytes += this.bytesOf(other);
    }
    return bytes;
  }

  /** Size of memory number `memory` as the guest sees it. */
  bytesOf(memory: number): number {
    const size = this.#sizes[memory]?.[0]?.size;
    return size === undefined ? this.physicalBytesOf(memory) : Number(size.value) * pageBytes;
  }

  /**
   * A core that grows a memory of its own does so itself. Where others share it they would not
   * learn of it: then the host does it, and tells them. The core that asked tells itself.
   */
  growShared(memory: number, pages: number, asking: CoreMemory): boolean {
    if ((this.#sizes[memory]?.length ?? 0) <= 1) return true;
    if (!this.#growPhysical(memory, pages)) return false;
    this.#setSize(memory, pages, asking);
    return true;
  }

  /** The host's way into a memory. */
  open(memory: number): GuestMemory | undefined {
    const known = this.#opened[memory];
    const plain = this.all[memory];
    if (known !== undefined || plain === undefined) return known;
    const opened = new GuestMemory(plain, new MemorySide(this, this.#slot, memory));
    this.#opened = this.all.map((_, each) => (each === memory ? opened : this.#opened[each]));
    return opened;
  }

  /** Gives new memories the sizes of others, in bytes; what the guest believes is set apart. */
  growTo(memoryBytes: readonly number[]): void {
    for (const [memory, bytes] of memoryBytes.entries()) {
      if (this.#growPhysical(memory, bytes / pageBytes)) continue;
      throw new TerrafirmaError('overloaded', this.#slot.running().memoryRefusal?.detail);
    }
  }

  /** Gives the only memory so many bytes in all, whatever the guest believes; false: it cannot. */
  growBare(bytes: number): boolean {
    const [plain] = this.all;
    const pages = (bytes - this.physicalBytesOf(0)) / pageBytes;
    if (plain === undefined || pages <= 0) return plain !== undefined;
    try {
      this.#growBy(plain, 0, pages);
      return true;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return false;
    }
  }

  /** The next run begins, in which they may be smaller. */
  forgetSizes(): void {
    for (let memory = 0; memory < this.#opened.length; memory += 1) {
      this.#opened[memory]?.forgetSize();
    }
  }

  /** What the host moved since it was last asked; see `GuestMemory.takeTouched`. */
  takeTouched(): number {
    if (this.#opened.length === 1) return this.#opened[0]?.takeTouched() ?? 0;
    let touched = 0;
    for (let memory = 0; memory < this.#opened.length; memory += 1) {
      touched += this.#opened[memory]?.takeTouched() ?? 0;
    }
    return touched;
  }

  /** What was written so far is part of the first state. */
  clearMarks(): void {
    for (const marks of this.marks) marks?.clear();
  }

  /** The instance is gone. */
  discard(): void {
    for (const marks of this.marks) marks?.discard();
  }

  /** As the guest's own `memory.grow` would: within the limit, and keeping the virtual size. */
  grow(memory: number, pages: number): number {
    const before = this.bytesOf(memory) / pageBytes;
    const wanted = before + pages;
    if (!this.#slot.running().allowMemory(memory, wanted * pageBytes)) return -1;
    if (!this.#growPhysical(memory, wanted)) return -1;
    this.#setSize(memory, wanted);
    return before;
  }

  #growPhysical(memory: number, pages: number): boolean {
    const plain = this.all[memory];
    const more = pages - this.physicalBytesOf(memory) / pageBytes;
    if (plain === undefined || more <= 0) return plain !== undefined;
    try {
      this.#growBy(plain, memory, more);
      return true;
    } catch (error) {
      // RangeError is how JavaScript spells the -1 of `memory.grow`.
      if (!(error instanceof RangeError)) throw error;
      const detail = `Cannot answer: the memory cannot grow: ${error.message}`;
      this.#slot.running().quota.refusal = { code: 'guest-out-of-memory', detail };
      return false;
    }
  }

  #growBy(plain: WebAssembly.Memory, memory: number, pages: number): void {
    const isWide = typeof this.#sizes[memory]?.[0]?.size.value === 'bigint';
    if (isWide) (plain as { grow(pages: bigint): bigint }).grow(BigInt(pages));
    else plain.grow(pages);
  }

  #setSize(memory: number, pages: number, except?: CoreMemory): void {
    for (const { core, index, size } of this.#sizes[memory] ?? []) {
      if (core === except?.core && index === except.index) continue;
      size.value = typeof size.value === 'bigint' ? BigInt(pages) : pages;
    }
  }
}

/** What the host's way into a memory asks. No functions, of which each guest would have four. */
class MemorySide implements GuestMemoryOptions {
  readonly #all: ProgramMemories;
  readonly #slot: RunSlot;
  readonly #memory: number;

  constructor(all: ProgramMemories, slot: RunSlot, memory: number) {
    this.#all = all;
    this.#slot = slot;
    this.#memory = memory;
  }

  onWrite(ptr: number, len: number): void {
    this.#slot.running();
    this.#all.marks[this.#memory]?.mark(ptr, len);
  }

  trap(reason: string): never {
    return this.#slot.endTrapped(reason);
  }

  grow(pages: number): number {
    return this.#all.grow(this.#memory, pages);
  }

  byteLength(): number {
    return this.#all.bytesOf(this.#memory);
  }
}
