/**
 * One WebAssembly instance with its binding: links the ABI's hostcalls, gives them bounds-checked
 * sight of the instance, and serves one run after another. What it may do is decided by the
 * activation of the run it serves.
 */
import type {
  Abi,
  Binding,
  GuestFunction,
  GuestHost,
  HostcallResult,
  Run,
  WasmValue,
} from '../abi/abi.ts';
import type { Hostcall } from '../abi/hostcall.ts';
import { GuestMemory, pageBytes } from '../abi/memory.ts';
import { isSteps } from '../abi/steps.ts';
import type { FormFacts, LoadedModule } from '../threads/messages.ts';
import type { OffsetMap } from '../wasm/offsets.ts';
import type { MeterHost } from './meter-host.ts';
import { CardMarks, type CardTable } from './restore/card-table.ts';
import type { Activation } from './run/activation.ts';
import type { ServingInstance } from './serving.ts';
import type { GuestCharge } from './supply/guest-charge.ts';
import { follow } from './turn/follow.ts';

export interface InstanceOptions {
  readonly loaded: LoadedModule;
  readonly abi: Abi;
  readonly form: FormFacts;
  /** Made for the form, in its order; see memories.ts. */
  readonly memories: readonly WebAssembly.Memory[];
  /** The table for the form's cards; undefined in the form without. */
  readonly cardTable: CardTable | undefined;
  readonly meterHost: MeterHost;
  /** What the instance holds of the process. */
  readonly charge: GuestCharge;
  readonly trap: WebAssembly.RuntimeError;
  readonly firstFuel: number;
}

/**
 * A hostcall may take long while the guest counts a few instructions: the clock is asked, too, when
 * the host has done so much, in bytes moved and what each hostcall counts for.
 */
const workPerLook = 65_536;
const workPerHostcall = workPerLook / 8;
/** Parameters of a hostcall that is called without an array of its arguments. */
const shortLength = 5;

export class GuestInstance implements GuestHost, ServingInstance {
  readonly binding: Binding;
  readonly marks: CardMarks | undefined;
  readonly memories: readonly WebAssembly.Memory[];
  readonly charge: GuestCharge;
  readonly #trap: WebAssembly.RuntimeError;
  readonly #exports: WebAssembly.Exports;
  readonly #entry: (() => Promise<unknown>) | undefined;
  readonly #memory: GuestMemory | undefined;
  readonly #table: WebAssembly.Table | undefined;
  readonly #fuel: WebAssembly.Global<number> | undefined;
  readonly #heap: WebAssembly.Global<number> | undefined;
  /** The pages the guest believes its memories have. */
  readonly #sizes: readonly (WebAssembly.Global<number | bigint> | undefined)[];
  readonly #restoreState: (() => void) | undefined;
  readonly offsets: OffsetMap;
  #activation: Activation | undefined;
  #hostcallWork = 0;

  constructor(options: InstanceOptions) {
    const { loaded, form, cardTable } = options;
    this.#trap = options.trap;
    this.charge = options.charge;
    this.#exports = Object.create(null);
    this.binding = options.abi.bind(this);
    const imports = this.#link(loadedForm(options));
    offerMemories(imports, options);
    this.#exports = new WebAssembly.Instance(loadedForm(options), imports).exports;
    this.memories = options.memories;
    const [memory] = this.memories;
    this.marks = cardTable && memory ? new CardMarks(cardTable, memory) : undefined;
    this.#table = this.#pick(form.names.table, WebAssembly.Table);
    this.#fuel = this.#global(form.names.fuel);
    this.#heap = this.#global(form.names.heap);
    this.#sizes = form.names.memorySizes.map((name) => this.#global(name));
    this.#memory = memory === undefined ? undefined : this.#openMemory(memory);
    const hostTable = this.#pick(form.names.host, WebAssembly.Table);
    if (hostTable !== undefined) options.meterHost.connect(hostTable);
    if (this.#fuel !== undefined) this.#fuel.value = options.firstFuel;
    this.#restoreState = this.#ownFunction(form.names.restore);
    this.offsets = form.offsets;
    this.#entry = this.#promising(loaded.entry);
  }

  /** Bytes that all memories take now, those included that runs before this one grew. */
  get physicalBytes(): number {
    let bytes = 0;
    for (const { buffer } of this.memories) bytes += buffer.byteLength;
    return bytes;
  }

  physicalBytesOf(memory: number): number {
    return this.memories[memory]?.buffer.byteLength ?? 0;
  }

  /** Bytes of all memories as this run sees them. */
  get memoryBytes(): number {
    return this.bytesBeside(-1);
  }

  bytesBeside(memory: number): number {
    let bytes = 0;
    for (let other = 0; other < this.memories.length; other += 1) {
      if (other !== memory) bytes += this.#bytesOf(other);
    }
    return bytes;
  }

  /** Size of memory number `memory` as the guest sees it. */
  #bytesOf(memory: number): number {
    const size = this.#sizes[memory];
    if (size !== undefined) return Number(size.value) * pageBytes;
    return this.memories[memory]?.buffer.byteLength ?? 0;
  }

  /** The instance serves this run from now on. */
  attach(activation: Activation): void {
    this.#activation = activation;
    activation.instance = this;
    activation.takeMarks(this.marks);
    this.#memory?.forgetSize();
    if (this.#heap !== undefined) this.#heap.value = 0;
  }

  /** The run is over: what still comes for it finds nothing. */
  detach(): void {
    this.#activation = undefined;
  }

  /** Runs the entry. Rejects when the guest trapped or was ended; the activation knows why. */
  callEntry(name: string): Promise<unknown> {
    if (this.#entry === undefined) this.trap(`the module has no export ${name}`);
    return this.#entry();
  }

  /** Runs an export of no parameters as part of the present run, if there is one. */
  async callStart(name: string | undefined): Promise<void> {
    if (name === undefined) return;
    const callee = this.exportedFunction(name);
    if (callee?.length === 0) await WebAssembly.promising(callee)();
  }

  /**
   * From here on `restoreState` brings this state back. Clears the cards: this is no change. What a
   * start function took of the heap is garbage, because no state that comes back holds objects.
   */
  captureState(name: string | undefined): void {
    this.#ownFunction(name)?.();
    this.marks?.clear();
    this.#activation?.objects?.close();
    if (this.#heap !== undefined) this.#heap.value = 0;
  }

  /** Puts back everything but the memories. */
  restoreState(): void {
    this.#restoreState?.();
  }

  /** The instance serves no other run. */
  discard(): void {
    this.marks?.discard();
  }

  begin(run: Run): void {
    this.binding.begin(run);
  }

  get memory(): GuestMemory {
    if (this.#memory === undefined) {
      return this.trap('the module has no memory to pass data through');
    }
    return this.#memory;
  }

  exportedFunction(name: string): GuestFunction | undefined {
    return asFunction(Object.hasOwn(this.#exports, name) ? this.#exports[name] : undefined);
  }

  tableFunction(index: number): GuestFunction | undefined {
    if (this.#table === undefined || index >= this.#table.length) return undefined;
    return asFunction(this.#table.get(index));
  }

  callGuest(callee: GuestFunction, arg: WasmValue): HostcallResult {
    const activation = this.#running();
    activation.requireAlive();
    try {
      return activation.callGuest(callee, arg);
    } catch (error) {
      throw activation.endByError(error);
    }
  }

  trap(reason: string): never {
    throw this.#activation?.endByGuest({ kind: 'trapped', reason }) ?? this.#trap;
  }

  exit(exitCode: number): never {
    throw this.#activation?.endByGuest({ kind: 'exited', exitCode }) ?? this.#trap;
  }

  #running(): Activation {
    if (this.#activation === undefined) throw this.#trap;
    return this.#activation;
  }

  #link(module: WebAssembly.Module): WebAssembly.Imports {
    const imports: WebAssembly.Imports = Object.create(null);
    for (const wanted of WebAssembly.Module.imports(module)) {
      const hostcall = this.binding.hostcall(wanted);
      if (hostcall === undefined) continue;
      imports[wanted.module] ??= Object.create(null);
      const names = imports[wanted.module];
      if (names !== undefined) names[wanted.name] = this.#wrap(hostcall);
    }
    return imports;
  }

  #wrap(hostcall: Hostcall): WebAssembly.ImportValue {
    const call = hostcall.call as (...args: unknown[]) => unknown;
    const isShort = call.length > 0 && call.length <= shortLength;
    const { waits } = hostcall;
    const guarded = isShort ? this.#guard(call, waits) : this.#guardAny(call, waits);
    return waits ? new WebAssembly.Suspending(guarded) : guarded;
  }

  /** Every way out of a hostcall is a result or the one trap: guests can catch anything else. */
  #guardAny(
    call: (...args: unknown[]) => unknown,
    waits: boolean,
  ): (...args: unknown[]) => unknown {
    return (...args) => {
      const activation = this.#enterHostcall();
      try {
        return this.#leaveHostcall(activation, call(...args), waits);
      } catch (error) {
        throw activation.endByError(error);
      }
    };
  }

  /**
   * The same without an array for the arguments, for each call: nearly all have so few, and take
   * no notice of those they do not have.
   */
  #guard(call: (...args: unknown[]) => unknown, waits: boolean): (...args: unknown[]) => unknown {
    return (a, b, c, d, e) => {
      const activation = this.#enterHostcall();
      try {
        return this.#leaveHostcall(activation, call(a, b, c, d, e), waits);
      } catch (error) {
        throw activation.endByError(error);
      }
    };
  }

  /** Throws where the run is over, or may make no hostcalls now. */
  #enterHostcall(): Activation {
    const activation = this.#running();
    activation.requireAlive();
    if (activation.hostCalls.isWithin) {
      this.trap('a hostcall was made while the host called the guest');
    }
    return activation;
  }

  /**
   * Host work is the guest's time, too. When that is over, others have a turn before the guest has
   * its answer; a hostcall that cannot wait brings it to its next check. Throws past the budget.
   */
  #leaveHostcall(activation: Activation, answer: unknown, waits: boolean): unknown {
    this.#hostcallWork += workPerHostcall + (this.#memory?.takeTouched() ?? 0);
    if (typeof answer === 'object' && answer !== null) {
      return isSteps(answer) ? follow(activation, answer) : settle(activation, answer);
    }
    if (this.#hostcallWork < workPerLook) return answer;
    this.#hostcallWork = 0;
    if (!activation.looksOverdue()) return answer;
    if (waits) return activation.pauseWith(answer as HostcallResult);
    if (this.#fuel !== undefined) this.#fuel.value = 0;
    return answer;
  }

  #openMemory(memory: WebAssembly.Memory): GuestMemory {
    return new GuestMemory(memory, {
      onWrite: (ptr, len) => {
        this.#running();
        this.marks?.mark(ptr, len);
      },
      trap: (reason) => this.trap(reason),
      grow: (pages) => this.#grow(memory, pages),
      byteLength: () => this.#bytesOf(0),
    });
  }

  /** As the guest's own `memory.grow` would: within the limit, and keeping the virtual size. */
  #grow(memory: WebAssembly.Memory, pages: number): number {
    const physical = memory.buffer.byteLength / pageBytes;
    const before = this.#bytesOf(0) / pageBytes;
    const wanted = before + pages;
    if (!this.#running().allowMemory(0, wanted * pageBytes)) return -1;
    try {
      if (wanted > physical) memory.grow(wanted - physical);
    } catch (error) {
      // RangeError is how JavaScript spells the -1 of `memory.grow`.
      if (!(error instanceof RangeError)) throw error;
      const detail = `Cannot answer: the memory cannot grow: ${error.message}`;
      this.#running().memoryRefusal = { code: 'guest-out-of-memory', detail };
      return -1;
    }
    const size = this.#sizes[0];
    if (size !== undefined) size.value = typeof size.value === 'bigint' ? BigInt(wanted) : wanted;
    return before;
  }

  #promising(name: string): (() => Promise<unknown>) | undefined {
    const entry = this.exportedFunction(name);
    return entry === undefined ? undefined : WebAssembly.promising(entry);
  }

  #ownFunction(name: string | undefined): (() => void) | undefined {
    return name === undefined ? undefined : this.exportedFunction(name);
  }

  #global<T extends number | bigint>(name: string | undefined): WebAssembly.Global<T> | undefined {
    const found = this.#pick(name, WebAssembly.Global);
    return found === undefined ? undefined : (found as WebAssembly.Global<T>);
  }

  #pick<T>(name: unknown, kind: abstract new (...args: never[]) => T): T | undefined {
    if (typeof name !== 'string') return undefined;
    const found = this.#exports[name];
    return found instanceof kind ? found : undefined;
  }
}

function loadedForm({ loaded, cardTable }: InstanceOptions): WebAssembly.Module {
  return cardTable === undefined ? loaded.module : (loaded.cardsModule ?? loaded.module);
}

function offerMemories(imports: WebAssembly.Imports, options: InstanceOptions): void {
  const { form, memories, cardTable } = options;
  const offer = (module: string, name: string, memory: WebAssembly.Memory | undefined): void => {
    imports[module] ??= Object.create(null);
    const names = imports[module];
    if (names !== undefined) names[name] = memory;
  };
  for (const [index, { module, name }] of form.memories.entries()) {
    offer(module, name, memories[index]);
  }
  if (form.cards !== undefined) offer(form.cards.module, form.cards.name, cardTable?.memory);
}

function settle(activation: Activation, result: unknown): unknown {
  return result instanceof Promise ? activation.suspend(result) : result;
}

function asFunction(value: unknown): GuestFunction | undefined {
  return typeof value === 'function' ? (value as GuestFunction) : undefined;
}
