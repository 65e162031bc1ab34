/**
 * One place where values cross between a guest and the host: whose memory, whose handles, who
 * allocates. Made once for each function of each instance.
 */

import { inBytes } from '../../amounts.ts';
import type { CrossingOptions } from '../../wasm/component/plan.ts';
import type { GuestFunction, GuestHost, HostcallResult, WasmValue } from '../abi.ts';
import type { GuestMemory } from '../memory.ts';
import type { Borrowing, HandleTable, Representation } from './handles.ts';
import type { OnEvent } from './tasks/waitable.ts';

/** A resource type where handles of it cross. */
export interface KnownResource {
  /** Equal for types that are the same. */
  readonly identity: number;
  /** The component instance that defines it; undefined: the host. */
  readonly instance: number | undefined;
}

export interface CrossingParts {
  readonly host: GuestHost;
  readonly handles: HandleTable;
  /** Something that a guest may wait for has come. */
  readonly onEvent: OnEvent;
  /**
   * What one call may bring out of a guest: lists may point at the same place a million times, so
   * that a small memory holds lists of any size.
   */
  readonly callBytesMax: number;
  /** Of the task that runs; undefined where no code of the component asks for them. */
  readonly words: { readonly context: number[] } | undefined;
}

/**
 * Of lists, nested ones counted together: none of the host's functions has a use for so many, and
 * they take a millisecond or two in which nobody else has a turn.
 */
const hostCallValuesMax = 10_000;

export class Crossing {
  readonly encoding: CrossingOptions['encoding'];
  readonly handles: HandleTable;
  /** The component instance whose values cross. */
  readonly instance: number;
  readonly onEvent: OnEvent;
  readonly #host: GuestHost;
  readonly #callBytesMax: number;
  readonly #words: CrossingParts['words'];
  readonly #options: CrossingOptions;
  /** The call between components whose values cross now; undefined where the host is called. */
  #call: Borrowing | undefined;
  #memory: GuestMemory | undefined;
  #realloc: GuestFunction | undefined;
  /** Of what is allocated now. */
  #align = 1;
  /** Made with the first room, which many never need. */
  #makeRoom: ((bytes?: WasmValue) => HostcallResult) | undefined;
  #liftedBytes = 0;
  /** Values in lists that the call may still bring. */
  #valuesLeft = Number.POSITIVE_INFINITY;

  constructor(parts: CrossingParts, options: CrossingOptions) {
    const { host, handles, onEvent, callBytesMax, words } = parts;
    this.#host = host;
    this.#words = words;
    this.#callBytesMax = callBytesMax;
    this.onEvent = onEvent;
    this.instance = options.instance;
    this.#options = options;
    this.encoding = options.encoding;
    this.handles = handles;
  }

  /** Whether values cross by these options in the same way. */
  isBy({ instance, encoding, memory, realloc }: CrossingOptions): boolean {
    const own = this.#options;
    return (
      own.instance === instance &&
      own.encoding === encoding &&
      own.memory === memory &&
      own.realloc?.core === realloc?.core &&
      own.realloc?.export === realloc?.export
    );
  }

  get memory(): GuestMemory {
    const { memory } = this.#options;
    // Validation saw that there is one wherever a type needs it.
    this.#memory ??= memory === undefined ? this.#host.memory : this.#host.core(memory).memory;
    return this.#memory;
  }

  /** A call begins. */
  begin(call?: Borrowing): void {
    this.#call = call;
    this.#liftedBytes = 0;
    this.#valuesLeft = Number.POSITIVE_INFINITY;
  }

  /** A call of the host, whose arguments are taken at a stretch. */
  beginHostCall(): void {
    this.begin();
    this.#valuesLeft = hostCallValuesMax;
  }

  /** So many values more are taken out of lists. Traps past what a call of the host may take. */
  takeValues(count: number): void {
    this.#valuesLeft -= count;
    if (this.#valuesLeft >= 0) return;
    const rule = `the lists of one call of the host have at most ${hostCallValuesMax}`;
    this.trap(`Cannot take the values: ${rule}: received more`);
  }

  takeOwned(index: number, { identity }: KnownResource): Representation {
    const { handles } = this;
    const isMoved = this.#call !== undefined;
    return (isMoved ? handles.move(index, identity) : handles.take(index, identity)).value;
  }

  giveOwned(value: Representation, { identity }: KnownResource): number {
    return this.handles.add(identity, value);
  }

  /** For as long as the call lasts. */
  borrow(index: number, { identity }: KnownResource): Representation {
    const handle = this.handles.get(index, identity);
    this.#call?.lend(handle);
    return handle.value;
  }

  /** Whoever defines it is given what it knows it by, all others a handle until they return. */
  lend(value: Representation, { identity, instance }: KnownResource): number {
    if (typeof value === 'number' && instance === this.instance) return value;
    return this.handles.add(identity, value, this.#call);
  }

  /** So many bytes more are taken out of the guest. Traps past what a call may take. */
  takeBytes(bytes: number): void {
    this.#liftedBytes += bytes;
    if (this.#liftedBytes <= this.#callBytesMax) return;
    this.trap(
      `Cannot take the values: at most ${inBytes(this.#callBytesMax)} in one call: received more`,
    );
  }

  /**
   * The address of `size` fresh bytes in the guest, from its own allocator; memory may have grown.
   * Traps when the answer is no place for them.
   */
  allocate(size: number, align: number): number {
    const ptr = this.#callRealloc(size, align);
    if (ptr % align === 0 && this.memory.reaches(ptr + size)) return ptr;
    return this.trap(`Cannot place ${size} bytes in the guest: realloc answered ${ptr}`);
  }

  trap(reason: string): never {
    return this.#host.trap(reason);
  }

  /** Traps unless `ptr` is a multiple of `align`. */
  requireAligned(ptr: number, align: number): void {
    if (ptr % align === 0) return;
    this.trap(`Cannot read from linear memory: at multiples of ${align}: received address ${ptr}`);
  }

  /** Traps unless `ptr` lies in memory, or at its end: also where nothing is read. */
  requireInside(ptr: number): void {
    if (this.memory.reaches(ptr)) return;
    this.trap(`Cannot read from linear memory: inside of it: received address ${ptr}`);
  }

  /** It is a task of its own, with words of its own (CanonicalABI.md, `reallocate`). */
  #callRealloc(size: number, align: number): number {
    this.#findRealloc();
    this.#align = align;
    const words = this.#words?.context;
    if (words === undefined) return Number(this.#host.callGuest(this.#roomMaker(), size)) >>> 0;
    const [first = 0, second = 0] = words;
    words[0] = 0;
    words[1] = 0;
    const ptr = Number(this.#host.callGuest(this.#roomMaker(), size)) >>> 0;
    words[0] = first;
    words[1] = second;
    return ptr;
  }

  #roomMaker(): (bytes?: WasmValue) => HostcallResult {
    this.#makeRoom ??= (bytes) => this.#findRealloc()(0, 0, this.#align, bytes ?? 0);
    return this.#makeRoom;
  }

  #findRealloc(): GuestFunction {
    if (this.#realloc !== undefined) return this.#realloc;
    const { realloc } = this.#options;
    const found =
      realloc === undefined
        ? undefined
        : this.#host.core(realloc.core).exportedFunction(realloc.export);
    if (found === undefined)
      return this.trap('Cannot place a value in the guest: it has no realloc');
    this.#realloc = found;
    return found;
  }
}
