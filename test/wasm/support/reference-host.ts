/**
 * The smallest host that keeps the contract of src/wasm/meter/contract.ts: what an engine does,
 * without scheduling. Fuel is given in fixed quanta; a run ends when its budget is spent.
 */
import {
  cardBytes,
  cardOverlapBytes,
  type HostSlot,
  hostSlots,
  type MeteredModule,
} from '../../../src/wasm/meter.ts';
import { trampolineBytes } from './trampoline.ts';

const trampoline = new WebAssembly.Module(trampolineBytes);
const pageBytes = 65_536;

export interface HostOptions {
  readonly imports?: WebAssembly.Imports;
  /** Fuel given at a time. */
  readonly quantum?: number;
  /** Fuel a run may use in all. */
  readonly budget?: number;
  readonly heapBytesMax?: number;
  /** Answers of the grow hostcalls. */
  readonly allowsGrowth?: boolean;
  readonly module?: WebAssembly.Module;
  /** Told before every answer of `check`. */
  readonly onCheck?: () => void;
}

/** Memories in the plan's order; what `imports` gives under an ABI's own names goes in as it is. */
function makeMemories(metered: MeteredModule, imports: WebAssembly.Imports): WebAssembly.Memory[] {
  const memories: WebAssembly.Memory[] = [];
  for (const plan of metered.memories) {
    const given = plan.isOriginalImport ? imports[plan.module]?.[plan.name] : undefined;
    if (given instanceof WebAssembly.Memory) memories.push(given);
    if (plan.isOriginalImport) continue;
    const { pagesMin, pagesMax, is64 } = plan;
    const descriptor = is64
      ? { address: 'i64', initial: BigInt(pagesMin), maximum: BigInt(pagesMax) }
      : { initial: pagesMin, maximum: pagesMax };
    const memory = new WebAssembly.Memory(
      descriptor as ConstructorParameters<typeof WebAssembly.Memory>[0],
    );
    imports[plan.module] = { ...imports[plan.module], [plan.name]: memory };
    memories.push(memory);
  }
  return memories;
}

export class ReferenceHost {
  readonly instance: WebAssembly.Instance;
  readonly memories: readonly WebAssembly.Memory[];
  readonly cardMemory: WebAssembly.Memory | undefined;
  readonly metered: MeteredModule;
  /** Calls of `check` since the last `begin`. */
  checkCount = 0;
  /** The largest fuel that passed between two checks. */
  overdrawnMax = 0;
  /** The instance may not be restored any more. */
  isSpoiled = false;
  /** The end of a run was ordered by this host. */
  isKilled = false;
  readonly #options: HostOptions;
  readonly #fuel: WebAssembly.Global;
  readonly #heap: WebAssembly.Global | undefined;
  #given = 0;
  #images: readonly Uint8Array[] = [];

  constructor(metered: MeteredModule, options: HostOptions = {}) {
    this.metered = metered;
    this.#options = options;
    const imports: WebAssembly.Imports = { ...options.imports };
    this.memories = makeMemories(metered, imports);
    const { cards } = metered;
    if (cards !== undefined) {
      this.cardMemory = new WebAssembly.Memory({ initial: cards.pages, maximum: cards.pages });
      imports[cards.module] = { ...imports[cards.module], [cards.name]: this.cardMemory };
    }
    const module = options.module ?? new WebAssembly.Module(metered.bytes);
    this.instance = new WebAssembly.Instance(module, imports);
    this.#fuel = this.#export(metered.names.fuel) as WebAssembly.Global;
    const { heap } = metered.names;
    this.#heap = heap === undefined ? undefined : (this.#export(heap) as WebAssembly.Global);
    this.#fillHostTable();
    this.#setSizes();
  }

  /** A memory that came from outside may be larger than the module asked for. */
  #setSizes(): void {
    for (const [i, plan] of this.metered.memories.entries()) {
      const name = this.metered.names.memorySizes[i];
      const memory = this.memories[i];
      if (name === undefined || memory === undefined || !plan.isOriginalImport) continue;
      const pages = memory.buffer.byteLength / pageBytes;
      (this.#export(name) as WebAssembly.Global).value = plan.is64 ? BigInt(pages) : pages;
    }
  }

  #export(name: string): WebAssembly.ExportValue | undefined {
    return this.instance.exports[name];
  }

  #fillHostTable(): void {
    const slots: Record<HostSlot, (...args: number[]) => number> = {
      check: () => this.#check(),
      pause: () => 0,
      growMemory: () => ((this.#options.allowsGrowth ?? true) ? 1 : 0),
      growTable: () => {
        this.isSpoiled = true;
        return (this.#options.allowsGrowth ?? true) ? 1 : 0;
      },
      allocate: () => 0,
    };
    const { exports } = new WebAssembly.Instance(trampoline, { host: slots });
    const table = this.#export(this.metered.names.host) as WebAssembly.Table;
    for (const [i, slot] of hostSlots.slice(0, table.length).entries()) table.set(i, exports[slot]);
  }

  #check(): number {
    this.checkCount++;
    this.#options.onCheck?.();
    this.overdrawnMax = Math.max(this.overdrawnMax, -Number(this.#fuel.value));
    const { budget = Number.POSITIVE_INFINITY } = this.#options;
    if (this.consumed >= budget) {
      this.isKilled = true;
      return 0;
    }
    const next = this.#options.quantum ?? 100_000;
    this.#given = this.consumed + next;
    return next;
  }

  /** Fuel used since `begin`. */
  get consumed(): number {
    return this.#given - Number(this.#fuel.value);
  }

  /** Gives the first fuel and the allocation budget of a run. */
  begin(): void {
    const quantum = this.#options.quantum ?? 100_000;
    this.checkCount = 0;
    this.overdrawnMax = 0;
    this.isKilled = false;
    this.#given = quantum;
    this.#fuel.value = quantum;
    if (this.#heap !== undefined) this.#heap.value = this.#options.heapBytesMax ?? 32 * 2 ** 20;
  }

  /** Calls an export as part of the current run. */
  call(name: string, ...args: readonly unknown[]): unknown {
    const entry = this.#export(name);
    if (typeof entry !== 'function') throw new TypeError(`no function export ${name}`);
    return entry(...args);
  }

  #keep(task: number): void {
    const { keep } = this.metered.names;
    const own = keep === undefined ? undefined : this.#export(keep);
    if (typeof own === 'function') own(task);
  }

  start(): void {
    const { start } = this.metered.names;
    if (start !== undefined) this.call(start);
  }

  /** Keeps the present state as the first one. */
  capture(): void {
    this.#keep(0);
    this.#images = this.memories.map((memory) => new Uint8Array(memory.buffer.slice(0)));
    if (this.cardMemory !== undefined) new Uint8Array(this.cardMemory.buffer).fill(0);
  }

  /** Puts back the state of `capture`: memory 0 by its cards where there are any. */
  restore(): void {
    this.#keep(1);
    for (const [i, memory] of this.memories.entries()) {
      const bytes = new Uint8Array(memory.buffer);
      const image = this.#images[i] ?? new Uint8Array(0);
      if (i === 0 && this.cardMemory !== undefined) this.#restoreCards(bytes, image);
      else {
        bytes.fill(0, image.length);
        bytes.set(image);
      }
    }
  }

  /** Whether all memory is what it was at `capture`, and zero beyond. */
  get isAsCaptured(): boolean {
    return this.memories.every((memory, i) => {
      const bytes = Buffer.from(memory.buffer);
      const image = this.#images[i] ?? new Uint8Array(0);
      const isBeyondZero = bytes.subarray(image.length).every((byte) => byte === 0);
      return isBeyondZero && bytes.subarray(0, image.length).equals(image);
    });
  }

  #restoreCards(bytes: Uint8Array, image: Uint8Array): void {
    const cards = new Uint8Array(this.cardMemory?.buffer ?? new ArrayBuffer(0));
    const cardCount = Math.min(cards.length, (bytes.length / pageBytes) * (pageBytes / cardBytes));
    for (let card = 0; card < cardCount; card++) {
      if (cards[card] === 0) continue;
      cards[card] = 0;
      const start = card * cardBytes;
      const end = Math.min(start + cardBytes + cardOverlapBytes, bytes.length);
      const kept = image.subarray(start, end);
      bytes.set(kept, start);
      bytes.fill(0, start + kept.length, end);
    }
  }
}
