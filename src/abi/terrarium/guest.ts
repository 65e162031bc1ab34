/**
 * One Terrarium guest as its hostcalls see it: the run it is in, data passed both ways by the
 * contract's conventions, and what becomes of a failure.
 *
 * Bytes go to the guest as an address and a length, stored where the guest's two out-pointers say.
 * Both words are always written: C guests leave them uninitialised.
 *
 *   out.ptr ──► u32 ptr ──► 'b' 'a' 'r' NUL     allocated by the guest's malloc, len + 1 bytes
 *   out.len ──► u32 3                           the NUL is for C and not counted
 *
 * A list is an array of slices, 8 bytes each, its items allocated like that one by one:
 *
 *   out.ptr ──► u32 ptr ──► | u32 ptr | u32 len | u32 ptr | u32 len |
 *   out.len ──► u32 2
 */
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import type { EarlyCapabilities, GuestHost, TrapCode } from '../abi.ts';
import { HandleError } from '../handles.ts';
import type { GuestMemory } from '../memory.ts';
import type { HeaderLimits } from '../objects/headers.ts';
import { ObjectError } from '../objects/object-error.ts';
import { pieceBytes, type Steps, writePieces } from '../steps.ts';
import { GuestAllocator } from './allocator.ts';
import { HostcallFailure, Misuse } from './misuse.ts';
import type { TerrariumRun } from './run.ts';

/** Where the guest wants address and length, or address and count, to be stored. */
export interface OutWords {
  readonly ptr: number;
  readonly len: number;
}

const sliceBytes = 8;
/** Each is a call of the guest's allocator, which may be slow. */
const listItemsAtOnceMax = 16;

/** Nothing, where all was given at once. */
export type Given = Steps<void> | undefined;

export class TerrariumGuest {
  readonly limits: Limits;
  readonly allocator: GuestAllocator;
  readonly #host: GuestHost;
  #run: TerrariumRun | undefined;
  /** Set while the module is initialised. */
  #early: EarlyCapabilities | undefined;

  constructor(host: GuestHost, limits: Limits) {
    this.#host = host;
    this.limits = limits;
    this.allocator = new GuestAllocator(host, limits.memoryBytesMax);
  }

  /**
   * Traps when the guest calls before its first request, while it is instantiated.
   *
   * @throws HostcallFailure while it is initialised
   */
  get run(): TerrariumRun {
    if (this.#run !== undefined) return this.#run;
    const reason = 'Cannot answer a hostcall: no request yet';
    if (this.#early !== undefined) throw new HostcallFailure(reason);
    return this.trap(reason);
  }

  /** What needs no request: there while the module is initialised, too. Traps like `run`. */
  get early(): EarlyCapabilities {
    return this.#early ?? this.run.capabilities;
  }

  get currentRun(): TerrariumRun | undefined {
    return this.#run;
  }

  get memory(): GuestMemory {
    return this.#host.memory;
  }

  prepare(capabilities: EarlyCapabilities): void {
    this.#early = capabilities;
    this.allocator.reset();
  }

  begin(run: TerrariumRun): void {
    this.#run = run;
    this.allocator.reset();
  }

  release(): void {
    const run = this.#run;
    this.#run = undefined;
    this.#early = undefined;
    run?.giveUp();
  }

  trap(reason: string, code?: TrapCode): never {
    return this.#host.trap(reason, code);
  }

  /**
   * Waits for `work` on behalf of the run. When the run has ended meanwhile this rejects, whatever
   * became of the work: the instance may be serving somebody else, so nothing of it may be touched.
   */
  async waitFor<T>(work: Promise<T>): Promise<T> {
    const run = this.run;
    try {
      return await work;
    } finally {
      this.#requireRun(run);
    }
  }

  /** The result of `act`, or `onFailure` when the guest cannot have it; the log says why. */
  answer(onFailure: number, act: () => number): number {
    try {
      return act();
    } catch (error) {
      this.#logFailure(error);
      return onFailure;
    }
  }

  /** The same for what is done in pieces where it is much. */
  *answerInSteps(onFailure: number, act: () => Steps<number>): Steps<number> {
    try {
      return yield* act();
    } catch (error) {
      this.#logFailure(error);
      return onFailure;
    }
  }

  async answerLater(onFailure: number, act: () => Promise<number>): Promise<number> {
    try {
      return await act();
    } catch (error) {
      this.#logFailure(error);
      return onFailure;
    }
  }

  /** Does `act`, which gives something through `out`; after a failure both words are 0. */
  give(out: OutWords, act: () => Given): Given {
    try {
      const steps = act();
      return steps === undefined ? undefined : this.#giveInSteps(out, steps);
    } catch (error) {
      this.#giveFailure(out, error);
      return undefined;
    }
  }

  giveNothing(out: OutWords): void {
    this.#writeOut(out, 0, 0);
  }

  /** Empty bytes are 0, 0 and no allocation. */
  giveBytes(out: OutWords, bytes: string | Uint8Array): Given {
    if (bytes.length > 0) return this.givePresentBytes(out, bytes);
    this.#requireOut(out);
    this.giveNothing(out);
    return undefined;
  }

  /** Empty bytes have an address too: for the guest only that tells them from nothing. */
  givePresentBytes(out: OutWords, bytes: string | Uint8Array): Given {
    this.#requireOut(out);
    if (typeof bytes !== 'string' && bytes.length > pieceBytes) {
      return this.#giveLargeBytes(out, bytes);
    }
    this.#writeOut(out, this.#place(bytes), bytes.length);
    return undefined;
  }

  /** An empty list is 0, 0 and no allocation. */
  giveList(out: OutWords, items: readonly (string | Uint8Array)[]): Given {
    this.#requireOut(out);
    if (items.length > listItemsAtOnceMax) return this.#giveLongList(out, items);
    if (items.length === 0) {
      this.giveNothing(out);
      return undefined;
    }
    const ptrs = items.map((item) => this.#place(item));
    this.#giveArray(out, items, ptrs);
    return undefined;
  }

  /**
   * Text of one character a byte.
   *
   * @throws Misuse above `bytesMax`; traps on a bad range
   */
  readText(ptr: number, len: number, bytesMax: number): string {
    this.memory.requireRange(ptr, len);
    const length = len >>> 0;
    if (length > bytesMax) {
      throw new Misuse(`Cannot take the text: at most ${inBytes(bytesMax)}`, `${length} bytes`);
    }
    return this.memory.readLatin1(ptr, length, bytesMax);
  }

  /**
   * The texts of `count` slices.
   *
   * @throws Misuse past the limits; traps on a bad range
   */
  readTexts(ptr: number, count: number, limits: HeaderLimits): readonly string[] {
    const itemCount = count >>> 0;
    if (itemCount > limits.linesMax) {
      throw new Misuse(`Cannot take the values: at most ${limits.linesMax}`, `${itemCount} values`);
    }
    this.memory.requireRange(ptr, itemCount * sliceBytes);
    const texts: string[] = [];
    let bytesLeft = limits.bytesMax;
    for (let index = 0; index < itemCount; index += 1) {
      const slice = (ptr >>> 0) + index * sliceBytes;
      const text = this.readText(
        this.memory.readU32(slice),
        this.memory.readU32(slice + 4),
        bytesLeft,
      );
      bytesLeft -= text.length;
      texts.push(text);
    }
    return texts;
  }

  *#giveInSteps(out: OutWords, steps: Steps<void>): Steps<void> {
    try {
      yield* steps;
    } catch (error) {
      this.#giveFailure(out, error);
    }
  }

  *#giveLargeBytes(out: OutWords, bytes: Uint8Array): Steps<void> {
    const ptr = this.allocator.allocate(bytes.length + 1);
    yield;
    yield* writePieces(this.memory, ptr, bytes);
    this.memory.writeU8(ptr + bytes.length, 0);
    this.#writeOut(out, ptr, bytes.length);
  }

  *#giveLongList(out: OutWords, items: readonly (string | Uint8Array)[]): Steps<void> {
    const ptrs: number[] = [];
    for (const item of items) {
      ptrs.push(this.#place(item));
      if (ptrs.length % listItemsAtOnceMax === 0) yield;
    }
    this.#giveArray(out, items, ptrs);
  }

  #giveArray(
    out: OutWords,
    items: readonly (string | Uint8Array)[],
    ptrs: readonly number[],
  ): void {
    const array = this.allocator.allocate(items.length * sliceBytes);
    items.forEach((item, index) => {
      this.memory.writeU32(array + index * sliceBytes, ptrs[index] ?? 0);
      this.memory.writeU32(array + index * sliceBytes + 4, item.length);
    });
    this.#writeOut(out, array, items.length);
  }

  #giveFailure(out: OutWords, error: unknown): void {
    this.#logFailure(error);
    this.giveNothing(out);
  }

  /** Places bytes and the NUL after them: one byte at least, so malloc never sees 0. */
  #place(bytes: string | Uint8Array): number {
    const ptr = this.allocator.allocate(bytes.length + 1);
    if (typeof bytes === 'string') this.memory.writeLatin1(ptr, bytes);
    else this.memory.writeBytes(ptr, bytes);
    this.memory.writeU8(ptr + bytes.length, 0);
    return ptr;
  }

  #requireOut(out: OutWords): void {
    this.memory.requireRange(out.ptr, 4);
    this.memory.requireRange(out.len, 4);
  }

  #writeOut(out: OutWords, ptr: number, len: number): void {
    this.#requireOut(out);
    this.memory.writeU32(out.ptr, ptr);
    this.memory.writeU32(out.len, len);
  }

  #requireRun(run: TerrariumRun): void {
    if (this.#run !== run) throw new Error('Cannot go on with a hostcall: its run has ended');
  }

  /** @throws on what the guest is not to be told: traps, the end of the run, our own bugs */
  #logFailure(error: unknown): void {
    const isTold =
      error instanceof HostcallFailure ||
      error instanceof HandleError ||
      error instanceof ObjectError;
    if (!isTold) throw error;
    this.early.log.write('warn', error.message);
  }
}
