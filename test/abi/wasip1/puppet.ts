/**
 * The puppet: a program that exports every hostcall it imports, so that a test can make one call
 * with any arguments through a real instance, and look at linear memory on both sides of a write.
 */

import { Collected, noInput } from '../../../scripts/conformance/wasi/case.ts';
import { WasiHost } from '../../../scripts/conformance/wasi/host.ts';
import type { WasmValue } from '../../../src/abi/abi.ts';
import type { InputStream } from '../../../src/abi/objects/cgi/streams.ts';
import {
  createMemoryTree,
  type MemoryTreeOptions,
} from '../../../src/abi/objects/files/memory-tree.ts';
import type { DirectoryNode } from '../../../src/abi/objects/files/node.ts';
import { type ProcessOptions, WasiProcess } from '../../../src/abi/wasip1/process.ts';
import { assemble } from '../../support/abi-puppet.ts';
import { World } from '../../support/abi-world.ts';
import { functionTypes } from '../../support/hostcall-faces.ts';

export const MASK = 0xaa;
/** Bytes of the puppet's memory: the first address outside. */
export const END = 65_536;

export interface PuppetOptions extends Partial<ProcessOptions> {
  readonly world?: World;
  /** Pages of memory, 1 unless given. */
  readonly pages?: number;
  /** The module it imports from: preview1 unless given. */
  readonly importsFrom?: string;
  readonly tree?: Partial<Pick<MemoryTreeOptions, 'bytesMax' | 'hostMemory' | 'nodesMax'>>;
}

export class Puppet {
  readonly host: WasiHost;
  readonly process: WasiProcess;
  readonly world: World;
  readonly stdout: Collected;
  readonly root: DirectoryNode;

  constructor(wasm: Uint8Array, options: PuppetOptions) {
    this.world = options.world ?? new World();
    this.host = new WasiHost(wasm);
    this.stdout = new Collected();
    this.root = createMemoryTree({
      device: 9n,
      bytesMax: 100_000,
      nodesMax: 100,
      nowNs: () => this.world.nowNs,
      ...options.tree,
    });
    this.process = new WasiProcess({
      listArguments: () => [],
      listEnvironment: () => [],
      stdin: noInput,
      stdout: this.stdout,
      stderr: new Collected(),
      openPreopens: () => [{ name: '/', directory: this.root }],
      capabilities: this.world,
      descriptorsMax: 16,
      ...options,
    });
    this.host.guest.begin(this.process);
    this.bytes.fill(MASK);
  }

  get bytes(): Buffer {
    return this.host.bytes;
  }

  /** The errno of one call. */
  async call(name: string, ...args: readonly WasmValue[]): Promise<number> {
    return Number(await this.host.call(name, ...args));
  }

  /** Puts `text` into memory; its address and length. */
  put(ptr: number, text: string | Uint8Array): readonly [number, number] {
    const bytes = Buffer.from(text);
    bytes.copy(this.bytes, ptr);
    return [ptr, bytes.length];
  }

  /** Puts iovecs into memory at `ptr`. */
  putIovecs(ptr: number, ...ranges: readonly (readonly [number, number])[]): void {
    for (const [index, [at, len]] of ranges.entries()) {
      this.bytes.writeUInt32LE(at >>> 0, ptr + index * 8);
      this.bytes.writeUInt32LE(len >>> 0, ptr + index * 8 + 4);
    }
  }

  u32(ptr: number): number {
    return this.bytes.readUInt32LE(ptr);
  }

  u64(ptr: number): bigint {
    return this.bytes.readBigUInt64LE(ptr);
  }

  text(ptr: number, len: number): string {
    return this.bytes.toString('utf8', ptr, ptr + len);
  }

  /** Opens a path below the root; the descriptor. Throws with the errno. */
  async open(path: string, more: Partial<OpenFlags> = {}): Promise<number> {
    const { fd = 3, lookup = 1, oflags = 0, rights = 0x1fffffffn, fdflags = 0 } = more;
    const name = this.put(60_000, path);
    const errno = await this.call(
      'path_open',
      ...[fd, lookup, ...name, oflags, rights, rights, fdflags, 65_000],
    );
    if (errno !== 0) throw new Error(`errno ${errno}`);
    return this.u32(65_000);
  }

  openDirectory(path: string): Promise<number> {
    return this.open(path, { oflags: 2, rights: 0n });
  }

  /** Writes `text` to a descriptor; the errno. */
  async write(fd: number, text: string | Uint8Array): Promise<number> {
    this.putIovecs(59_000, this.put(40_000, text));
    return this.call('fd_write', fd, 59_000, 1, 59_100);
  }

  /** Reads from a descriptor up to `len` bytes. Throws with the errno. */
  async read(fd: number, len = 1_000): Promise<string> {
    this.putIovecs(59_000, [50_000, len]);
    const errno = await this.call('fd_read', fd, 59_000, 1, 59_100);
    if (errno !== 0) throw new Error(`errno ${errno}`);
    return this.text(50_000, this.u32(59_100));
  }

  /** A call of one or more paths: each text becomes its address and length. */
  async path(name: string, ...args: readonly (WasmValue | string)[]): Promise<number> {
    let at = 61_000;
    const values = args.flatMap((arg) => {
      if (typeof arg !== 'string') return [arg];
      const placed = this.put(at, arg);
      at += 1_500;
      return [...placed];
    });
    return this.call(name, ...values);
  }
}

export interface OpenFlags {
  readonly fd: number;
  readonly lookup: number;
  readonly oflags: number;
  readonly rights: bigint;
  readonly fdflags: number;
}

export async function createPuppet(options: PuppetOptions = {}): Promise<Puppet> {
  return new Puppet(await assemble(puppetText(options)), options);
}

function puppetText({ pages = 1, importsFrom = 'wasi_snapshot_preview1' }: PuppetOptions): string {
  const names = [...functionTypes];
  const imports = names.map(([name, { params, results }]) => {
    const result = results.length === 0 ? '' : `(result ${results.join(' ')})`;
    const type = `(param ${params.join(' ')}) ${result}`;
    return `(import "${importsFrom}" "${name}" (func $${name} ${type}))`;
  });
  // A hostcall that is exported as it is could not be suspended: each has a function around it.
  const exported = names.map(([name, { params, results }]) => {
    const result = results.length === 0 ? '' : `(result ${results.join(' ')})`;
    const gets = params.map((_, index) => `(local.get ${index})`).join(' ');
    const type = `(param ${params.join(' ')}) ${result}`;
    return `(func (export "${name}") ${type} (call $${name} ${gets}))`;
  });
  const memory = `(memory (export "memory") ${pages})`;
  return `(module ${[...imports, memory, ...exported].join('\n')})`;
}

/** Input that a test hands over piece by piece. */
export class PipedInput implements InputStream {
  #pieces: Uint8Array[] = [];
  #isEnded = false;
  #wake: (() => void) | undefined;
  readonly givesAway: boolean;

  constructor(givesAway = false) {
    this.givesAway = givesAway;
  }

  get readyBytes(): number | undefined {
    const [first] = this.#pieces;
    return first?.length ?? (this.#isEnded ? 0 : undefined);
  }

  push(piece: string | Buffer): void {
    this.#pieces.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  take(bytesMax: number): Uint8Array | undefined {
    const first = this.#pieces.shift();
    if (first === undefined) return this.#isEnded ? new Uint8Array(0) : undefined;
    if (first.length > bytesMax) this.#pieces.unshift(first.subarray(bytesMax));
    return first.subarray(0, bytesMax);
  }

  whenReady(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (this.readyBytes !== undefined) resolve();
    return promise;
  }
}
