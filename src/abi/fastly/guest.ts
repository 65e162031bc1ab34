/**
 * One guest as its hostcalls see it: its run, data passed both ways by the conventions of this ABI
 * (docs/spec/fastly.md, "Memory"), and what becomes of a failure.
 *
 * A pointer outside linear memory is answered with `inval`, and not with a trap. All ranges of a
 * call are looked at before the first of them is used.
 */
import { Buffer } from 'node:buffer';
import type { Limits } from '../../config/config.ts';
import type { EarlyCapabilities, GuestHost } from '../abi.ts';
import type { GuestMemory } from '../memory.ts';
import { isSteps, type Steps } from '../steps.ts';
import { toFailure } from './failures.ts';
import type { FastlyRun } from './run.ts';
import { FastlyFault, type Given, type Later, type Status, status } from './status.ts';

/** Where the guest wants one value, and where the length of it. */
export interface Room {
  readonly ptr: number;
  readonly len: number;
  /** 0: it does not want to know. */
  readonly written: number;
}

/** Where it wants several, from which place on, and where the place of the next. */
export interface ListRoom extends Room {
  readonly cursor: number;
  /** 0: it does not want to know. */
  readonly next: number;
}

/** After the last of several values. */
const atEnd = -1n;
const nul = 1;

export class FastlyGuest {
  readonly limits: Limits;
  readonly #host: GuestHost;
  #run: FastlyRun | undefined;
  /** Set while the module is initialised. */
  #early: EarlyCapabilities | undefined;

  constructor(host: GuestHost, limits: Limits) {
    this.#host = host;
    this.limits = limits;
  }

  /**
   * Traps when the guest calls outside a run.
   *
   * @throws FastlyFault `error` while it is initialised
   */
  get run(): FastlyRun {
    if (this.#run !== undefined) return this.#run;
    if (this.#early !== undefined) throw new FastlyFault('error');
    return this.#host.trap('Cannot answer a hostcall: no request yet');
  }

  get currentRun(): FastlyRun | undefined {
    return this.#run;
  }

  /** CPU time of the run until now, in milliseconds. */
  get cpuMs(): number {
    return this.#host.cpuMs;
  }

  /** Of linear memory, in bytes. */
  get memoryBytes(): number {
    return this.#memory.byteLength;
  }

  prepare(capabilities: EarlyCapabilities): void {
    this.#early = capabilities;
  }

  begin(run: FastlyRun): void {
    this.#run = run;
  }

  release(): void {
    const run = this.#run;
    this.#run = undefined;
    this.#early = undefined;
    run?.release();
  }

  /**
   * Waits for `work` on behalf of the run. When the run has ended meanwhile this rejects, whatever
   * became of the work: the instance may be serving somebody else, so nothing of it may be touched.
   */
  async waitFor<T>(work: Promise<T>): Promise<T> {
    const { run } = this;
    try {
      return await work;
    } finally {
      this.#requireRun(run);
    }
  }

  /** The status for a failure. @throws what the guest is not to be told */
  fail(error: unknown): Status {
    const failure = toFailure(error);
    if (failure.reason !== undefined) this.#run?.capabilities.log.write('warn', failure.reason);
    return failure.status;
  }

  /** The status of what a hostcall that may wait gave. */
  finishLater(later: Later): Status | Steps<Status> | Promise<Status> {
    if (typeof later !== 'object') return later ?? status.ok;
    return isSteps(later) ? this.#finishSteps(later) : this.#finishPromise(later);
  }

  /** @throws FastlyFault `inval` unless all `len` bytes at `ptr` lie in memory */
  requireRange(ptr: number, len: number): void {
    if (!this.#memory.holds(ptr, len)) throw new FastlyFault('inval');
  }

  /** Whether they do. */
  holds(ptr: number, len: number): boolean {
    return this.#memory.holds(ptr, len);
  }

  /** A copy. @throws FastlyFault `inval`, also above `bytesMax` */
  readBytes(ptr: number, len: number, bytesMax: number): Uint8Array {
    this.#requireInput(ptr, len, bytesMax);
    return this.#memory.readBytes(ptr, len, bytesMax);
  }

  /** A small copy that goes nowhere but to our own code; see `GuestMemory.readBytesPooled`. */
  readBytesPooled(ptr: number, len: number, bytesMax: number): Uint8Array {
    this.#requireInput(ptr, len, bytesMax);
    return this.#memory.readBytesPooled(ptr, len, bytesMax);
  }

  /** Copies as many bytes at `ptr` as `target` has room for. @throws FastlyFault `inval` */
  readInto(target: Uint8Array, ptr: number): void {
    this.requireRange(ptr, target.length);
    this.#memory.readInto(target, ptr);
  }

  /** UTF-8. @throws FastlyFault `inval`, also above `bytesMax` and for what is no UTF-8 */
  readText(ptr: number, len: number, bytesMax: number): string {
    this.#requireInput(ptr, len, bytesMax);
    const text = this.#memory.readUtf8(ptr, len, bytesMax);
    if (text === undefined) throw new FastlyFault('inval');
    return text;
  }

  /** One character a byte, as bytes stand on the wire of HTTP. @throws FastlyFault `inval` */
  readLatin1(ptr: number, len: number, bytesMax: number): string {
    this.#requireInput(ptr, len, bytesMax);
    return this.#memory.readLatin1(ptr, len, bytesMax);
  }

  /** UTF-8, each broken sequence as U+FFFD, cut at `bytesMax`. @throws FastlyFault `inval` */
  readTextLossy(ptr: number, len: number, bytesMax: number): string {
    this.requireRange(ptr, len);
    return this.#memory.readUtf8Lossy(ptr, Math.min(len >>> 0, bytesMax), bytesMax);
  }

  readU32(ptr: number): number {
    this.requireRange(ptr, 4);
    return this.#memory.readU32(ptr);
  }

  readU64(ptr: number): bigint {
    this.requireRange(ptr, 8);
    return this.#memory.readU64(ptr);
  }

  /** The handles in a list of `count`. @throws FastlyFault `inval`, also above `countMax` */
  readHandles(ptr: number, count: number, countMax: number): readonly number[] {
    const length = count >>> 0;
    if (length > countMax) throw new FastlyFault('inval');
    this.requireRange(ptr, length * 4);
    const start = ptr >>> 0;
    return Array.from({ length }, (_, index) => this.#memory.readI32(start + index * 4));
  }

  writeU8(ptr: number, value: number): void {
    this.requireRange(ptr, 1);
    this.#memory.writeU8(ptr, value);
  }

  writeU16(ptr: number, value: number): void {
    this.requireRange(ptr, 2);
    this.#memory.writeU16(ptr, value);
  }

  writeU32(ptr: number, value: number): void {
    this.requireRange(ptr, 4);
    this.#memory.writeU32(ptr, value);
  }

  writeU64(ptr: number, value: bigint): void {
    this.requireRange(ptr, 8);
    this.#memory.writeU64(ptr, value);
  }

  writeBytes(ptr: number, bytes: Uint8Array): void {
    this.requireRange(ptr, bytes.length);
    this.#memory.writeBytes(ptr, bytes);
  }

  /**
   * Gives one value: text of one character a byte, or bytes. Too long for the room: `buflen`, the
   * length it needs, and nothing else is written.
   */
  give(room: Room, value: string | Uint8Array): Status {
    this.#requireRoom(room);
    const fits = value.length <= room.len >>> 0;
    if (fits && typeof value === 'string') this.#memory.writeLatin1(room.ptr, value);
    else if (fits) this.#memory.writeBytes(room.ptr, value as Uint8Array);
    if (room.written !== 0) this.#memory.writeU32(room.written, value.length);
    return fits ? status.ok : status.buflen;
  }

  /** The same with text in UTF-8. */
  giveText(room: Room, value: string): Status {
    return this.give(room, Buffer.from(value, 'utf8'));
  }

  /** The same for functions that tell no length of what does not fit: nothing is written then. */
  giveWhole({ ptr, len, written }: Room, value: Uint8Array): Status {
    this.requireRange(ptr, len);
    this.requireRange(written, 4);
    if (value.length > len >>> 0) return status.buflen;
    this.#memory.writeBytes(ptr, value);
    this.#memory.writeU32(written, value.length);
    return status.ok;
  }

  /**
   * Gives several values, text of one character a byte, from place `cursor` on: each with a NUL
   * behind it, as many whole ones as there is room for.
   *
   *   buf ──► 'a' ';' 'q' NUL 'b' NUL        written ──► u32 6        next ──► s64 place, or -1
   *
   * Where not even one fits: `buflen`, and the room that one needs.
   */
  giveValues(room: ListRoom, values: readonly string[]): Status {
    this.#requireRoom(room);
    if (room.next !== 0) this.requireRange(room.next, 8);
    const roomBytes = room.len >>> 0;
    const from = room.cursor >>> 0;
    let place = from;
    let writtenBytes = 0;
    for (; place < values.length; place += 1) {
      const needed = (values[place] ?? '').length + nul;
      if (writtenBytes + needed > roomBytes) break;
      writtenBytes += needed;
    }
    const isAtEnd = place >= values.length;
    const isNothing = !isAtEnd && place === from;
    if (writtenBytes > 0) {
      this.#memory.writeLatin1(room.ptr, `${values.slice(from, place).join('\0')}\0`);
    }
    const written = isNothing ? (values[from] ?? '').length + nul : writtenBytes;
    if (room.written !== 0) this.#memory.writeU32(room.written, written);
    if (room.next !== 0) {
      this.#memory.writeU64(room.next, isAtEnd || isNothing ? atEnd : BigInt(place));
    }
    return isNothing ? status.buflen : status.ok;
  }

  get #memory(): GuestMemory {
    return this.#host.memory;
  }

  #requireInput(ptr: number, len: number, bytesMax: number): void {
    if (len >>> 0 > bytesMax || !this.#memory.holds(ptr, len)) throw new FastlyFault('inval');
  }

  #requireRoom({ ptr, len, written }: Room): void {
    this.requireRange(ptr, len);
    if (written !== 0) this.requireRange(written, 4);
  }

  *#finishSteps(steps: Steps<Given>): Steps<Status> {
    try {
      return (yield* steps) ?? status.ok;
    } catch (error) {
      return this.fail(error);
    }
  }

  async #finishPromise(work: Promise<Given>): Promise<Status> {
    const { run } = this;
    try {
      const given = await work;
      this.#requireRun(run);
      return given ?? status.ok;
    } catch (error) {
      this.#requireRun(run);
      return this.fail(error);
    }
  }

  #requireRun(run: FastlyRun): void {
    if (this.#run !== run) throw new Error('Cannot go on with a hostcall: its run has ended');
  }
}
