/**
 * A host for one real instance: links an ABI's hostcalls by JavaScript Promise Integration, and
 * ends runs as the engine does, without its metering, pooling and restoring.
 */

import type {
  Abi,
  Binding,
  CoreFace,
  GuestFunction,
  GuestHost,
  HostcallResult,
  ModuleFace,
  RunEnd,
  WasmValue,
} from '../../src/abi/abi.ts';
import type { Hostcall } from '../../src/abi/hostcall.ts';
import { GuestMemory } from '../../src/abi/memory.ts';
import { isSteps, NestedCall, runSteps } from '../../src/abi/steps.ts';
import { createTerrariumAbi } from '../../src/abi/terrarium.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import { takeTrap } from '../../src/engine/run/trap.ts';
import type { RequestHead } from '../../src/http/message.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { exposePrivates } from '../wasm/support/expose.ts';
import { RecordingExchange, type SentReply, World } from './abi-world.ts';

export interface AbiHostOptions {
  readonly limits?: Partial<Limits>;
  readonly world?: World;
  /** Puts something around the ABI. */
  readonly wrapAbi?: (abi: Abi) => Abi;
}

export interface RunRecord {
  readonly end: RunEnd;
  readonly reply: SentReply | undefined;
  readonly logLines: readonly string[];
}

export interface RequestPlan extends Partial<RequestHead> {
  readonly body?: string | Uint8Array;
}

/** The outside of a module, as the deploy road hands it to an ABI. */
export function faceOf(wasm: Uint8Array): ModuleFace {
  const shape = inspectModule(wasm);
  const toFace = <T extends { kind: string }>(each: T) => ({
    ...each,
    kind: each.kind === 'func' ? 'function' : each.kind,
  });
  return {
    imports: shape.imports.map(toFace),
    exports: shape.exports.map(toFace),
  } as ModuleFace;
}

export class AbiHost implements GuestHost {
  readonly world: World;
  readonly limits: Limits;
  readonly binding: Binding;
  cpuMs = 0;
  /** Every write of the host, as the engine is told of it. */
  readonly writes: { readonly ptr: number; readonly len: number }[] = [];
  readonly #trap = takeTrap();
  readonly #exports: WebAssembly.Exports;
  readonly #rawMemory: WebAssembly.Memory | undefined;
  readonly #memory: GuestMemory | undefined;
  readonly #table: WebAssembly.Table | undefined;
  #ending: RunEnd | undefined;
  #isCalledByHost = false;

  constructor(wasm: Uint8Array, options: AbiHostOptions = {}) {
    this.world = options.world ?? new World();
    this.limits = { ...defaultLimits, ...options.limits };
    const exposed = exposePrivates(wasm, inspectModule(wasm));
    const module = new WebAssembly.Module(exposed.bytes);
    const bare = createTerrariumAbi(this.limits);
    const abi: Abi = options.wrapAbi?.(bare) ?? bare;
    this.#exports = Object.create(null);
    this.binding = abi.bind(this);
    this.#exports = new WebAssembly.Instance(module, this.#link(module)).exports;
    this.#rawMemory = this.#pick(exposed.memoryExport, WebAssembly.Memory);
    this.#table = this.#pick(exposed.tableExport, WebAssembly.Table);
    if (this.#rawMemory !== undefined) {
      this.#memory = new GuestMemory(this.#rawMemory, {
        onWrite: (ptr, len) => this.writes.push({ ptr, len }),
        trap: (reason) => this.trap(reason),
      });
    }
  }

  /** Linear memory as the guest sees it, fresh for every use. */
  get bytes(): Buffer {
    if (this.#rawMemory === undefined) throw new Error('Cannot look: the guest has no memory');
    return Buffer.from(this.#rawMemory.buffer);
  }

  get memory(): GuestMemory {
    return this.#memory ?? this.trap('the module has no memory');
  }

  begin(plan: RequestPlan = {}): RecordingExchange {
    const { body, ...request } = plan;
    const bytes = typeof body === 'string' ? Buffer.from(body) : (body ?? new Uint8Array(0));
    const exchange = new RecordingExchange(request, bytes);
    this.#ending = undefined;
    this.binding.begin({ exchange, capabilities: this.world, body: bytes });
    return exchange;
  }

  /** Calls an export so that it may be suspended. Rejects with the reason when it traps. */
  async call(name: string, ...args: readonly WasmValue[]): Promise<HostcallResult> {
    const callee = this.exportedFunction(name);
    if (callee === undefined) throw new Error(`Cannot call ${name}: no such export`);
    try {
      return (await WebAssembly.promising(callee)(...args)) as HostcallResult;
    } catch (error) {
      const ending = this.#ending;
      throw new Error(ending?.kind === 'trapped' ? ending.reason : String(error));
    }
  }

  /** One whole request: begin, `run`, finish, release. */
  async run(plan: RequestPlan = {}): Promise<RunRecord> {
    const exchange = this.begin(plan);
    const end = await this.call('run').then(
      (): RunEnd => ({ kind: 'returned' }),
      (error: Error): RunEnd => ({ kind: 'trapped', reason: error.message }),
    );
    try {
      this.binding.finish(end);
    } finally {
      this.binding.release();
    }
    return { end, reply: exchange.sent, logLines: this.world.logLines };
  }

  exportedFunction(name: string): GuestFunction | undefined {
    return asFunction(this.#exports[name]);
  }

  tableFunction(index: number): GuestFunction | undefined {
    if (this.#table === undefined || index >= this.#table.length) return undefined;
    return asFunction(this.#table.get(index));
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

  callGuest(callee: GuestFunction, arg: WasmValue): HostcallResult {
    this.#isCalledByHost = true;
    try {
      return callee(arg);
    } catch (error) {
      return this.trap(String(error));
    } finally {
      this.#isCalledByHost = false;
    }
  }

  trap(reason: string): never {
    this.#ending ??= { kind: 'trapped', reason };
    throw this.#trap;
  }

  exit(exitCode: number): never {
    this.#ending ??= { kind: 'exited', exitCode };
    throw this.#trap;
  }

  #link(module: WebAssembly.Module): WebAssembly.Imports {
    const imports: WebAssembly.Imports = Object.create(null);
    for (const wanted of WebAssembly.Module.imports(module)) {
      const hostcall = this.binding.hostcall(wanted);
      if (hostcall === undefined) continue;
      const names = imports[wanted.module] ?? Object.create(null);
      names[wanted.name] = this.#wrap(hostcall);
      imports[wanted.module] = names;
    }
    return imports;
  }

  #wrap(hostcall: Hostcall): WebAssembly.ImportValue {
    const call = hostcall.call as (...args: WasmValue[]) => unknown;
    const guarded = (...args: WasmValue[]): unknown => {
      if (this.#ending !== undefined) throw this.#trap;
      if (this.#isCalledByHost) this.trap('a hostcall was made while the host called the guest');
      const answer = call(...args);
      return isSteps(answer) ? runSteps(answer) : answer;
    };
    return hostcall.waits ? new WebAssembly.Suspending(guarded) : guarded;
  }

  #pick<T>(name: string | undefined, kind: abstract new (...args: never[]) => T): T | undefined {
    const found = name === undefined ? undefined : this.#exports[name];
    return found instanceof kind ? found : undefined;
  }
}

function asFunction(value: unknown): GuestFunction | undefined {
  return typeof value === 'function' ? (value as GuestFunction) : undefined;
}
