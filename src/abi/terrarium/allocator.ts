/**
 * Memory in the guest for what the host hands out. The guest owns it from then on and frees it, so
 * the host never calls `free`.
 *
 * Its malloc is sought in this order: export `default_malloc_impl`, the entry of table 0 that
 * `init_mm` named, export `malloc`. A guest without any has no heap of its own that could be
 * disturbed: its memory is grown by whole pages and the data is placed there.
 */
import type { GuestFunction, GuestHost } from '../abi.ts';
import { pageBytes } from '../memory.ts';

export class GuestAllocator {
  readonly #host: GuestHost;
  readonly #memoryBytesMax: number;
  /** What `init_mm` said while the instance was made: part of the guest's first state. */
  #firstMallocIndex: number | undefined;
  #mallocIndex: number | undefined;
  /** Null: sought in this run, and there is none. */
  #malloc: GuestFunction | null | undefined;
  #pagesNext = 0;
  #pagesEnd = 0;

  constructor(host: GuestHost, memoryBytesMax: number) {
    this.#host = host;
    this.#memoryBytesMax = memoryBytesMax;
  }

  /** Back to the guest's first state: what the run before registered is forgotten. */
  reset(): void {
    this.#mallocIndex = this.#firstMallocIndex;
    this.#malloc = undefined;
    this.#pagesNext = 0;
    this.#pagesEnd = 0;
  }

  /**
   * Only notes the number: the table may not be there yet, because AssemblyScript registers its
   * allocator in the start function.
   */
  register(mallocIndex: number, options: { isInstantiating: boolean }): void {
    if (options.isInstantiating) this.#firstMallocIndex = mallocIndex >>> 0;
    this.#mallocIndex = mallocIndex >>> 0;
    this.#malloc = undefined;
  }

  /**
   * The address of `len` fresh bytes; `len` must not be 0, because a Rust allocator answers that
   * with an address that its own free cannot take. Calls the guest: memory may have grown. Traps
   * the guest when it has no memory left or answers an address outside of it.
   */
  allocate(len: number): number {
    if (this.#malloc === undefined) this.#malloc = this.#seekMalloc();
    if (this.#malloc === null) return this.#allocatePages(len);
    const answer = this.#host.callGuest(this.#malloc, len);
    if (typeof answer !== 'number') {
      return this.#host.trap(
        `Cannot allocate in the guest: its malloc must answer an i32: received ${typeof answer}`,
      );
    }
    const ptr = answer >>> 0;
    if (ptr === 0) {
      return this.#host.trap(
        `Cannot allocate in the guest: its malloc answered 0 for ${len} bytes`,
      );
    }
    if (!this.#host.memory.holds(ptr, len)) {
      return this.#host.trap(
        `Cannot allocate in the guest: its malloc must answer an address with ${len} bytes in ` +
          `linear memory: received ${ptr}`,
      );
    }
    return ptr;
  }

  #seekMalloc(): GuestFunction | null {
    const host = this.#host;
    return (
      host.exportedFunction('default_malloc_impl') ??
      (this.#mallocIndex === undefined ? undefined : host.tableFunction(this.#mallocIndex)) ??
      host.exportedFunction('malloc') ??
      null
    );
  }

  #allocatePages(len: number): number {
    if (this.#pagesNext + len > this.#pagesEnd) this.#growPages(len);
    const ptr = this.#pagesNext;
    // 8-aligned, as any malloc would answer.
    this.#pagesNext = Math.min(Math.ceil((ptr + len) / 8) * 8, this.#pagesEnd);
    return ptr;
  }

  #growPages(len: number): void {
    const memory = this.#host.memory;
    const pages = Math.ceil(len / pageBytes);
    const isWithinLimit = memory.byteLength + pages * pageBytes <= this.#memoryBytesMax;
    const ptr = isWithinLimit ? memory.grow(pages) : undefined;
    if (ptr === undefined || !memory.holds(ptr, pages * pageBytes)) {
      this.#host.trap(
        `Cannot place ${len} bytes in the guest: it has no malloc and its memory cannot grow`,
      );
    }
    this.#pagesNext = ptr;
    this.#pagesEnd = ptr + pages * pageBytes;
  }
}
