/**
 * A host that adds up what hostcalls do between two looks at the clock: the engine looks when a
 * hostcall begins and ends, and at each step of one that is done in steps. So "nobody holds the
 * thread for long" is tested without a clock.
 */
import type {
  Abi,
  CoreFace,
  GuestFunction,
  GuestHost,
  HostcallResult,
  Run,
  WasmValue,
} from '../../src/abi/abi.ts';
import type { Hostcall } from '../../src/abi/hostcall.ts';
import { GuestMemory } from '../../src/abi/memory.ts';
import { isSteps, NestedCall, type Steps } from '../../src/abi/steps.ts';

/** Linear memory of the guest: 64 MiB to read from, as much for what the host gives. */
const PAGES = 2_048;
const HEAP_START = 64 * 1024 * 1024;

export interface Measured {
  readonly result: unknown;
  /** The most that was done at a stretch, in bytes and what accesses count for. */
  readonly mostAtOnce: number;
  readonly total: number;
}

export class LookedAtHost implements GuestHost {
  readonly cpuMs = 0;
  readonly memory: GuestMemory;
  readonly bytes: Buffer;
  readonly #hostcall: (name: string) => Hostcall | undefined;
  readonly #begin: (run: Run) => void;
  #top = HEAP_START;

  constructor(abi: Abi, module: string) {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    this.bytes = Buffer.from(memory.buffer);
    this.memory = new GuestMemory(memory, {
      onWrite: undefined,
      trap: (reason) => this.trap(reason),
    });
    const binding = abi.bind(this);
    this.#hostcall = (name) => binding.hostcall({ module, name });
    this.#begin = (run) => binding.begin(run);
  }

  waits(name: string): boolean {
    return this.#hostcall(name)?.waits === true;
  }

  begin(run: Run): void {
    this.#begin(run);
  }

  /** Makes one hostcall, and all of its steps. */
  async call(name: string, ...args: readonly (number | bigint)[]): Promise<Measured> {
    this.#top = HEAP_START;
    const hostcall = this.#hostcall(name);
    if (hostcall === undefined) throw new Error(`Cannot call ${name}: no such hostcall`);
    this.memory.takeTouched();
    const seen = { mostAtOnce: 0, total: 0 };
    const look = (): void => {
      const touched = this.memory.takeTouched();
      seen.mostAtOnce = Math.max(seen.mostAtOnce, touched);
      seen.total += touched;
    };
    const call = hostcall.call as (...args: readonly unknown[]) => unknown;
    const answer = await call(...args);
    look();
    const result = isSteps(answer) ? await this.#follow(answer, look) : answer;
    return { result, ...seen };
  }

  exportedFunction(name: string): GuestFunction | undefined {
    if (name !== 'malloc') return undefined;
    return (length) => {
      const ptr = this.#top;
      this.#top += (Number(length) + 7) & -8;
      return ptr;
    };
  }

  tableFunction(): undefined {
    return undefined;
  }

  core(): CoreFace {
    return this;
  }

  callBeside(callee: GuestFunction, ...args: readonly WasmValue[]): Promise<HostcallResult> {
    return WebAssembly.promising(callee)(...args) as Promise<HostcallResult>;
  }

  runBeside<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  wait<T>(work: Promise<T>): Promise<T> {
    return work;
  }

  mayGoOn(): boolean {
    return true;
  }

  afterTurn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  nested(callee: GuestFunction): (...args: readonly WasmValue[]) => NestedCall {
    const call = WebAssembly.promising(callee);
    return (...args) => new NestedCall(() => call(...args) as Promise<unknown>);
  }

  callGuest(callee: GuestFunction, arg: number | bigint): HostcallResult {
    return callee(arg);
  }

  trap(reason: string): never {
    throw new Error(`trapped: ${reason}`);
  }

  exit(exitCode: number): never {
    throw new Error(`exited: ${exitCode}`);
  }

  async #follow(steps: Steps<unknown>, look: () => void): Promise<unknown> {
    for (let step = steps.next(); ; ) {
      look();
      if (step.done === true) return step.value;
      const value = await step.value;
      step = steps.next(value);
    }
  }
}
