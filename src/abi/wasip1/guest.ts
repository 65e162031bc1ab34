/**
 * One program as its hostcalls see it: its process, its memory, and what becomes of a failure.
 *
 * A pointer outside linear memory is answered with `fault`, as the specification's authors and
 * wazero do, and not with a trap: a C library turns it into EFAULT. All ranges of a call are looked
 * at before the first of them is used.
 */
import { TerrafirmaError } from '../../errors.ts';
import type { GuestHost } from '../abi.ts';
import { errno, WasiError } from '../objects/files/errno.ts';
import { isSteps, type Steps } from '../steps.ts';
import { iovecBytes } from './layout.ts';
import type { WasiProcess } from './process.ts';

/** What is still to be done when a hostcall comes back; nothing where all is. */
export type Work = Steps<void> | Promise<void> | undefined;
type Answer = number | Steps<number> | Promise<number>;

export interface MemoryRange {
  readonly ptr: number;
  readonly len: number;
}

/** As Linux and wasi-libc have it. */
const iovecsMax = 1_024;
/** The largest `ssize_t` of a 32-bit program. */
const movedBytesMax = 0x7fff_ffff;
const pathBytesMax = 4_096;
const addressBytes = 4;
/** What kits with interfaces export for strings and lists that the host answers with. */
export const reallocName = 'canonical_abi_realloc';

/** Where a process comes from that is made late. */
export interface ProcessSource {
  open(): WasiProcess;
}

export class WasiGuest {
  readonly #host: GuestHost;
  #process: WasiProcess | undefined;
  /** Of a run that has none yet. */
  #source: ProcessSource | undefined;
  /** Emscripten's second result, of the run. */
  highBits = 0;

  constructor(host: GuestHost) {
    this.#host = host;
  }

  /** Traps when the guest calls outside a run. */
  get process(): WasiProcess {
    return this.#process ?? this.#openProcess();
  }

  begin(process: WasiProcess): void {
    this.highBits = 0;
    this.#process = process;
  }

  /** The same with a process that is made when it is first asked for. */
  beginLate(source: ProcessSource): void {
    this.highBits = 0;
    this.#source = source;
  }

  release(): void {
    const process = this.#process;
    this.#process = undefined;
    this.#source = undefined;
    process?.release();
  }

  trap(reason: string): never {
    return this.#host.trap(reason);
  }

  exit(exitCode: number): never {
    return this.#host.exit(exitCode);
  }

  /** The errno of `work` once it is done, on behalf of the run of `process`. */
  answerWork(process: WasiProcess, work: Work): Answer {
    if (work === undefined) return 0;
    if (isSteps(work)) return this.#answerInSteps(work);
    return work.then(
      () => this.#answerLater(process, 0),
      (error: unknown) => this.#answerLater(process, toErrno(error)),
    );
  }

  /**
   * Waits for `work` on behalf of the process. When its run has ended meanwhile this rejects,
   * whatever became of the work: the instance may be serving somebody else by now.
   */
  async waitFor<T>(work: Promise<T>): Promise<T> {
    const { process } = this;
    try {
      return await work;
    } finally {
      this.#requireRunning(process);
    }
  }

  /**
   * The address of `len` fresh bytes, more than none, from the guest's own allocator for answers.
   * Calls the guest: memory may have grown. Traps the guest when the answer is no place for them.
   */
  allocate(len: number, align: number): number {
    const realloc = this.#host.exportedFunction(reallocName);
    if (realloc === undefined) return this.trap(`Cannot place an answer: no export ${reallocName}`);
    const ptr = this.#host.callGuest((bytes) => realloc(0, 0, align, bytes ?? 0), len);
    if (typeof ptr !== 'number' || !this.#host.memory.holds(ptr >>> 0, len)) {
      return this.trap(`Cannot place ${len} bytes in the guest: ${reallocName} answered ${ptr}`);
    }
    return ptr >>> 0;
  }

  /** @throws WasiError `fault` unless all `len` bytes at `ptr` lie in memory */
  requireRange(ptr: number, len: number): void {
    if (!this.#host.memory.reaches((ptr >>> 0) + len)) throw new WasiError('fault');
  }

  readU8(ptr: number): number {
    this.requireRange(ptr, 1);
    return this.#host.memory.readU8(ptr);
  }

  readU16(ptr: number): number {
    this.requireRange(ptr, 2);
    return this.#host.memory.readU16(ptr);
  }

  readU32(ptr: number): number {
    this.requireRange(ptr, 4);
    return this.#host.memory.readU32(ptr);
  }

  readU64(ptr: number): bigint {
    this.requireRange(ptr, 8);
    return this.#host.memory.readU64(ptr);
  }

  /** A copy. */
  readBytes(ptr: number, len: number): Uint8Array {
    const length = len >>> 0;
    this.requireRange(ptr, length);
    return this.#host.memory.readBytes(ptr, length, length);
  }

  /** A copy that may share its allocation: never to be kept; see `GuestMemory`. */
  readBytesPooled(ptr: number, len: number): Uint8Array {
    const length = len >>> 0;
    this.requireRange(ptr, length);
    return this.#host.memory.readBytesPooled(ptr, length, length);
  }

  /** Copies as many bytes at `ptr` as `target` has room for. */
  readInto(target: Uint8Array, ptr: number): void {
    this.requireRange(ptr, target.length);
    this.#host.memory.readInto(target, ptr);
  }

  /** Copies `len` bytes at `ptr` to `at` in `target`, which has room. */
  copyInto(target: Uint8Array, at: number, ptr: number, len: number): void {
    this.requireRange(ptr, len);
    this.#host.memory.copyInto(target, at, ptr, len);
  }

  writeU32(ptr: number, value: number): void {
    this.requireRange(ptr, 4);
    this.#host.memory.writeU32(ptr, value);
  }

  writeU64(ptr: number, value: bigint): void {
    this.requireRange(ptr, 8);
    this.#host.memory.writeU64(ptr, value);
  }

  writeBytes(ptr: number, bytes: Uint8Array): void {
    this.requireRange(ptr, bytes.length);
    this.#host.memory.writeBytes(ptr, bytes);
  }

  /** Where strings are of which the first begins at `base`: see `GuestMemory`. */
  writeAddresses(ptr: number, base: number, offsets: readonly number[]): void {
    this.requireRange(ptr, offsets.length * addressBytes);
    this.#host.memory.writeAddresses(ptr, base, offsets);
  }

  /** Text of one character a byte. */
  writeText(ptr: number, text: string): void {
    this.requireRange(ptr, text.length);
    this.#host.memory.writeLatin1(ptr, text);
  }

  /** @throws WasiError `nametoolong`, `ilseq` for what is no UTF-8 */
  readPath(ptr: number, len: number): string {
    const length = len >>> 0;
    this.requireRange(ptr, length);
    if (length > pathBytesMax) throw new WasiError('nametoolong');
    const path = this.#host.memory.readUtf8(ptr, length, pathBytesMax);
    if (path === undefined) throw new WasiError('ilseq');
    return path;
  }

  /**
   * The ranges of `count` vectors, all of them in memory, the empty ones left out.
   *
   *   ptr ──► | u32 buf | u32 buf_len | u32 buf | u32 buf_len | …
   */
  readIovecs(ptr: number, count: number): readonly MemoryRange[] {
    const vectorCount = count >>> 0;
    if (vectorCount > iovecsMax) throw new WasiError('inval');
    this.requireRange(ptr, vectorCount * iovecBytes);
    const { memory } = this.#host;
    const ranges: MemoryRange[] = [];
    let totalBytes = 0;
    for (let vector = 0; vector < vectorCount; vector += 1) {
      const at = (ptr >>> 0) + vector * iovecBytes;
      const range = { ptr: memory.readU32(at), len: memory.readU32(at + 4) };
      if (range.len === 0) continue;
      this.requireRange(range.ptr, range.len);
      ranges.push(range);
      totalBytes += range.len;
    }
    // Vectors may name the same bytes again and again; what C cannot count nobody means.
    if (totalBytes > movedBytesMax) throw new WasiError('inval');
    return ranges;
  }

  /** Fills the ranges with `bytes` in order; what does not fit is the caller's mistake. */
  scatter(ranges: readonly MemoryRange[], bytes: Uint8Array): void {
    let done = 0;
    for (const { ptr, len } of ranges) {
      if (done === bytes.length) return;
      const part = bytes.subarray(done, done + len);
      this.writeBytes(ptr, part);
      done += part.length;
    }
  }

  #openProcess(): WasiProcess {
    const source = this.#source;
    if (source === undefined) return this.trap('Cannot answer a hostcall: no request yet');
    this.#process = source.open();
    return this.#process;
  }

  *#answerInSteps(steps: Steps<void>): Steps<number> {
    try {
      yield* steps;
      return 0;
    } catch (error) {
      return toErrno(error);
    }
  }

  #answerLater(process: WasiProcess, result: number): number {
    this.#requireRunning(process);
    return result;
  }

  #requireRunning(process: WasiProcess): void {
    if (this.#process !== process) {
      throw new Error('Cannot go on with a hostcall: its run has ended');
    }
  }
}

/** @throws on what the guest is not to be told: traps, the end of the run, failures of the road */
export function toErrno(error: unknown): number {
  if (error instanceof WasiError) return error.errno;
  // The folder's mount does not answer: for the program a broken disk.
  if (error instanceof TerrafirmaError && error.code === 'folder-unreachable') return errno.io;
  throw error;
}

/** Bytes that all ranges have room for. */
export function countBytes(ranges: readonly MemoryRange[]): number {
  let total = 0;
  for (const { len } of ranges) total += len;
  return total;
}
