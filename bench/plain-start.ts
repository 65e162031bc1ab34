/**
 * The beginning of a program as V8 runs it by itself: no meter, nothing put back, and of WASI the
 * least that a C library and Go's runtime ask for. It ends at the first call that is not WASI's.
 */
import type { ReadThreadCpu } from '../src/engine/turn/thread-clock.ts';

type Instance = WebAssembly.Instance;
type Call = (...args: never[]) => unknown;

const wasiModule = 'wasi_snapshot_preview1';
const pageBytes = 4_096;
const ok = 0;
const badf = 8;
const nosys = 52;
const argument = 'app\0';
/** Go ends itself when its first look at this clock says 0. */
const clockStartNs = 1_000_000_000n;

export class PlainStart {
  readonly #module: WebAssembly.Module;
  readonly #readCpu: ReadThreadCpu;
  readonly #imports: WebAssembly.Imports;
  /** Thrown where the program has begun. */
  readonly #begun = new Error('the program asks for its request');
  #memory = new WebAssembly.Memory({ initial: 0 });
  #kept = new DataView(this.#memory.buffer);
  /** Pages that it writes to, as its first run did. */
  readonly #written: readonly number[];

  constructor(bytes: Uint8Array<ArrayBuffer>, readCpu: ReadThreadCpu) {
    this.#readCpu = readCpu;
    this.#module = new WebAssembly.Module(bytes);
    this.#imports = this.#link();
    this.#written = this.#findWritten();
  }

  /** Microseconds of CPU time that one start took. */
  run(): number {
    const instance = this.#instantiate();
    for (const page of this.#written) {
      const at = page * pageBytes;
      this.#view.setUint8(at, this.#view.getUint8(at));
    }
    const beforeMs = this.#readCpu();
    this.#start(instance);
    return (this.#readCpu() - beforeMs) * 1_000;
  }

  #instantiate(): Instance {
    const instance = new WebAssembly.Instance(this.#module, this.#imports);
    const { memory } = instance.exports;
    if (!(memory instanceof WebAssembly.Memory)) throw new TypeError('Cannot run: no memory');
    this.#memory = memory;
    this.#kept = new DataView(memory.buffer);
    return instance;
  }

  /** Growing detaches the buffer. */
  get #view(): DataView {
    if (this.#kept.buffer.byteLength === 0) this.#kept = new DataView(this.#memory.buffer);
    return this.#kept;
  }

  #start({ exports }: Instance): void {
    if (typeof exports._start !== 'function') throw new TypeError('Cannot run: no _start');
    try {
      exports._start();
    } catch (error) {
      if (error === this.#begun) return;
      throw error;
    }
    throw new Error('Cannot measure: the program must ask for its request: it ended');
  }

  #findWritten(): readonly number[] {
    const instance = this.#instantiate();
    const before = Buffer.from(this.#memory.buffer.slice(0));
    this.#start(instance);
    const after = Buffer.from(this.#memory.buffer);
    const pages = Array.from({ length: before.length / pageBytes }, (_, page) => page);
    return pages.filter((page) => {
      const [start, stop] = [page * pageBytes, (page + 1) * pageBytes];
      return before.compare(after, start, stop, start, stop) !== 0;
    });
  }

  #link(): WebAssembly.Imports {
    const imports: Record<string, Record<string, Call>> = Object.create(null);
    const wasi = this.#wasi();
    for (const { module, name } of WebAssembly.Module.imports(this.#module)) {
      imports[module] ??= Object.create(null) as Record<string, Call>;
      const isWasi = module === wasiModule;
      imports[module][name] = isWasi ? (wasi[name] ?? (() => nosys)) : () => this.#begin();
    }
    return imports as WebAssembly.Imports;
  }

  #begin(): never {
    throw this.#begun;
  }

  #wasi(): Readonly<Record<string, Call | undefined>> {
    const put = (ptr: number, value: number): void => this.#view.setUint32(ptr, value, true);
    return {
      args_sizes_get: (count: number, bytes: number) => {
        put(count, 1);
        put(bytes, argument.length);
        return ok;
      },
      args_get: (addresses: number, texts: number) => {
        put(addresses, texts);
        for (const [at, character] of [...argument].entries()) {
          this.#view.setUint8(texts + at, character.charCodeAt(0));
        }
        return ok;
      },
      environ_sizes_get: (count: number, bytes: number) => {
        put(count, 0);
        put(bytes, 0);
        return ok;
      },
      environ_get: () => ok,
      clock_time_get: (_id: number, _precision: bigint, ptr: number) => {
        const nowNs = clockStartNs + BigInt(Math.round(performance.now() * 1_000)) * 1_000n;
        this.#view.setBigUint64(ptr, nowNs, true);
        return ok;
      },
      random_get: (ptr: number, length: number) => {
        for (let at = 0; at < length; at += 1) this.#view.setUint8(ptr + at, at * 7);
        return ok;
      },
      fd_prestat_get: () => badf,
      sched_yield: () => ok,
      proc_exit: (code: number) => {
        throw new Error(`Cannot measure: the program ended with ${code}`);
      },
    };
  }
}
