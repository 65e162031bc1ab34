/**
 * Copy-on-write images of linear memory. Touches the process's memory mappings through `node:ffi`:
 * the one place where a wrong address would end the process.
 *
 * The image lies in a sealed memory file (a file cut short under a mapping would be a SIGBUS, so it
 * is sealed against all change) and is mapped privately over the start of an instance's memory:
 * what the guest writes goes to pages of its own, and one `madvise` gives them all back.
 *
 *   memory    |── image of the first state ──|── zero pages ──|── reserved by V8 ──
 *   restored       pages of the file again      zero again        never touched
 *
 * Where `node:ffi` or a call is missing or forbidden there is no mapper; copying always works.
 */
import { writeSync } from 'node:fs';
import type { Steps } from '../../abi/steps.ts';

const pageBytes = 65_536;
const memfdCloexecAllowSealing = 3;
const sealCommand = 1033;
/** F_SEAL_SEAL, SHRINK, GROW and WRITE. */
const allSeals = 15;
const readAndWrite = 3;
const privateAndFixed = 0x12;
const dontNeed = 4;
/** Written, or given back, in one piece: some 0.5 ms where all of it was in use. */
export const mappedPieceBytes = 4 * 1024 * 1024;
/** Each holds a file descriptor that a connection could have had. */
const imagesMax = 64;

const signatures = {
  memfd_create: { return: 'i32', arguments: ['string', 'u32'] },
  // Not the file system's: Node.js would miss the file among those it has opened.
  close: { return: 'i32', arguments: ['i32'] },
  fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  mmap: { return: 'pointer', arguments: ['pointer', 'u64', 'i32', 'i32', 'i32', 'i64'] },
  madvise: { return: 'i32', arguments: ['pointer', 'u64', 'i32'] },
} as const;

type Ffi = typeof import('node:ffi');
type Calls = ReturnType<typeof openCalls>;

function openCalls(ffi: Ffi) {
  return ffi.dlopen(null, signatures).functions;
}

export class PageMapper {
  readonly #ffi: Ffi;
  readonly #calls: Calls;
  #imageCount = 0;

  private constructor(ffi: Ffi, calls: Calls) {
    this.#ffi = ffi;
    this.#calls = calls;
  }

  /** A mapper that was seen to work, or undefined where there can be none. */
  static open(): PageMapper | undefined {
    // The numbers above are Linux's; elsewhere `fcntl` also passes its arguments otherwise.
    if (process.platform !== 'linux') return undefined;
    try {
      const ffi = process.getBuiltinModule('node:ffi');
      const mapper = new PageMapper(ffi, openCalls(ffi));
      return mapper.#isWorking() ? mapper : undefined;
    } catch {
      // Built or started without FFI, or not allowed to use it: that is what copying is for.
      return undefined;
    }
  }

  /**
   * An image that memories can be mapped to, or undefined when the system has none to give: `start`
   * zeros, `bytes`, and zeros to the end of the page. In pieces: 119 MiB took 63 ms.
   */
  *createImage(bytes: Uint8Array, start = 0): Steps<PageImage | undefined> {
    if (this.#imageCount >= imagesMax) return undefined;
    const fd = this.#calls.memfd_create('terrafirma', memfdCloexecAllowSealing);
    if (fd < 0) return undefined;
    let isWhole = false;
    try {
      const length = start + bytes.length;
      const byteLength = Math.ceil(length / pageBytes) * pageBytes;
      for (let at = 0; at < bytes.length; at += mappedPieceBytes) {
        if (at > 0) yield;
        writeWhole(fd, bytes.subarray(at, at + mappedPieceBytes), start + at);
      }
      writeWhole(fd, new Uint8Array(byteLength - length), length);
      if (this.#calls.fcntl(fd, sealCommand, allSeals) === 0) {
        this.#imageCount += 1;
        const onClose = (): void => {
          this.#imageCount -= 1;
        };
        isWhole = true;
        return new PageImage(this.#ffi, this.#calls, { fd, byteLength, onClose });
      }
    } catch {
      // No room for the image: copying needs none.
    } finally {
      // Also where the run ended before the last piece.
      if (!isWhole) this.#calls.close(fd);
    }
    return undefined;
  }

  /**
   * The pages of `memory`, which nobody will look at again, are the system's from now on; those of
   * a large one piece by piece, between which others have their turns.
   */
  giveBack(memory: WebAssembly.Memory, start = 0): void {
    const { buffer } = memory;
    const stop = Math.min(start + mappedPieceBytes, buffer.byteLength);
    if (stop <= start) return;
    // Refused, it comes back when V8 collects the memory.
    if (!adviseDontNeed(this.#ffi, this.#calls, buffer, { start, stop })) return;
    if (stop < buffer.byteLength) setImmediate(() => this.giveBack(memory, stop));
  }

  /** Tries everything once on a memory of its own. */
  #isWorking(): boolean {
    const { value: image } = this.createImage(Uint8Array.of(7)).next();
    if (!(image instanceof PageImage)) return false;
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const bytes = new Uint8Array(memory.buffer);
    try {
      if (!image.map(memory)) return false;
      bytes[0] = 1;
      bytes[pageBytes - 1] = 1;
      return image.reset(memory) && bytes[0] === 7 && bytes[pageBytes - 1] === 0;
    } finally {
      image.close();
    }
  }
}

interface ImageFile {
  readonly fd: number;
  readonly byteLength: number;
  readonly onClose: () => void;
}

export class PageImage {
  readonly #ffi: Ffi;
  readonly #calls: Calls;
  readonly #fd: number;
  readonly #byteLength: number;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(ffi: Ffi, calls: Calls, file: ImageFile) {
    this.#ffi = ffi;
    this.#calls = calls;
    this.#fd = file.fd;
    this.#byteLength = file.byteLength;
    this.#onClose = file.onClose;
  }

  /** Puts the image over the start of `memory`, whose contents there are gone. */
  map(memory: WebAssembly.Memory): boolean {
    const { buffer } = memory;
    if (this.#isClosed || this.#byteLength > buffer.byteLength) return false;
    if (this.#byteLength === 0) return true;
    const address = this.#ffi.getRawPointer(buffer);
    const length = BigInt(this.#byteLength);
    const file = this.#fd;
    return this.#calls.mmap(address, length, readAndWrite, privateAndFixed, file, 0n) === address;
  }

  /**
   * Gives back the pages of `memory` that were written since `map`, all or those from `start` to
   * `stop`: the image, and zeros. 119 MiB that were written took 10 ms, in which nobody runs.
   */
  reset(memory: WebAssembly.Memory, start = 0, stop = memory.buffer.byteLength): boolean {
    if (stop <= start) return true;
    return adviseDontNeed(this.#ffi, this.#calls, memory.buffer, { start, stop });
  }

  /** No further memory is mapped; those that are keep the image. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#calls.close(this.#fd);
    this.#onClose();
  }
}

/** `start` at the beginning of a page. */
function adviseDontNeed(
  ffi: Ffi,
  calls: Calls,
  buffer: ArrayBuffer,
  { start, stop }: { readonly start: number; readonly stop: number },
): boolean {
  const address = ffi.getRawPointer(buffer) + BigInt(start);
  return calls.madvise(address, BigInt(stop - start), dontNeed) === 0;
}

function writeWhole(fd: number, bytes: Uint8Array, position = 0): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}
