/**
 * The suite's components as V8 runs them: core modules that nobody has rewritten, with the
 * product's linker and canonical ABI between them. What differs here from the engine is the
 * engine's.
 */
import type {
  CoreFace,
  GuestFunction,
  GuestHost,
  HostcallResult,
  WasmValue,
} from '../../../src/abi/abi.ts';
import type { Hostcall } from '../../../src/abi/hostcall.ts';
import { GuestMemory } from '../../../src/abi/memory.ts';
import { isSteps, NestedCall, runSteps } from '../../../src/abi/steps.ts';
import { readComponent } from '../../../src/wasm/component.ts';
import type { CoreSource } from '../../../src/wasm/program.ts';
import { RecordingExchange, World } from '../../support/abi-world.ts';
import { suiteComponentLimits, suiteModuleLimits } from './limits.ts';
import { exportStart, startExport } from './start-export.ts';
import { createSuiteAbi, type Outcome, type SuiteAction, suiteEntry } from './suite-abi.ts';
import type { SuiteWorld } from './suite-world.ts';

const trap = (reason: string): never => {
  throw new WebAssembly.RuntimeError(reason);
};

export class PlainWorld implements SuiteWorld {
  readonly name = 'plain';

  async perform(
    bytes: Uint8Array<ArrayBuffer>,
    actions: readonly SuiteAction[],
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    const abi = createSuiteAbi(() => ({ actions, outcomes }));
    const { cores, plan } = readComponent(bytes, {
      limits: suiteComponentLimits,
      moduleLimits: suiteModuleLimits,
    });
    const instance = new PlainInstance(cores);
    const binding = abi.bind(instance, { plan, entry: suiteEntry });
    const exchange = new RecordingExchange({}, new Uint8Array(0));
    binding.begin({ exchange, capabilities: new World(), body: new Uint8Array(0) });
    try {
      const run = async (): Promise<void> => {
        await instance.start((wanted) => binding.hostcall(wanted));
        await binding.enter?.(callPromising);
      };
      await Promise.race([run(), instance.trapped]);
    } catch (error) {
      outcomes.push({ kind: 'trapped', reason: String(error) });
    } finally {
      binding.release();
    }
    return outcomes;
  }

  async start(bytes: Uint8Array<ArrayBuffer>): Promise<Outcome | undefined> {
    const [outcome] = await this.perform(bytes, []);
    return outcome;
  }
}

const callPromising = (callee: GuestFunction, ...args: readonly WasmValue[]) =>
  WebAssembly.promising(callee)(...args) as Promise<HostcallResult>;

/** One core, by what it exports. */
class PlainCore implements CoreFace {
  readonly instance: WebAssembly.Instance;
  readonly #memoryName: string | undefined;
  #memory: GuestMemory | undefined;

  constructor(instance: WebAssembly.Instance, { shape }: CoreSource) {
    this.instance = instance;
    const isFirst = ({ kind, index }: (typeof shape.exports)[number]): boolean =>
      kind === 'memory' && index === 0;
    this.#memoryName = shape.exports.find(isFirst)?.name;
  }

  get memory(): GuestMemory {
    if (this.#memory !== undefined) return this.#memory;
    const memory = this.instance.exports[this.#memoryName ?? ''];
    if (!(memory instanceof WebAssembly.Memory)) return trap('there is no memory');
    this.#memory = new GuestMemory(memory, { onWrite: undefined, trap });
    return this.#memory;
  }

  exportedFunction(name: string): GuestFunction | undefined {
    const found = this.instance.exports[name];
    return typeof found === 'function' ? (found as GuestFunction) : undefined;
  }

  tableFunction(): GuestFunction | undefined {
    return undefined;
  }
}

class PlainInstance implements GuestHost {
  readonly cpuMs = 0;
  readonly #sources: readonly CoreSource[];
  readonly #cores: PlainCore[] = [];
  readonly #end = Promise.withResolvers<never>();
  #isWithin = false;

  constructor(sources: readonly CoreSource[]) {
    this.#sources = sources;
    // Told where somebody waits for it.
    this.#end.promise.catch(() => undefined);
  }

  /** Rejects when the host has ended the run. */
  get trapped(): Promise<never> {
    return this.#end.promise;
  }

  /** Makes the cores in order; their start functions run. */
  async start(
    hostcallOf: (wanted: WebAssembly.ModuleImportDescriptor & { core: number }) => unknown,
  ): Promise<void> {
    for (const [core, source] of this.#sources.entries()) {
      const module = new WebAssembly.Module(exportStart(source.bytes));
      const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
      const offer = (from: string, name: string, value: WebAssembly.ImportValue): void => {
        imports[from] ??= {};
        Object.assign(imports[from], { [name]: value });
      };
      for (const wanted of WebAssembly.Module.imports(module)) {
        const hostcall = hostcallOf({ ...wanted, core }) as Hostcall | undefined;
        if (hostcall !== undefined) offer(wanted.module, wanted.name, this.#wrap(hostcall));
      }
      for (const link of source.links) {
        const value = this.#cores[link.core]?.instance.exports[link.export];
        if (value !== undefined) offer(link.module, link.name, value as WebAssembly.ImportValue);
      }
      const made = new PlainCore(new WebAssembly.Instance(module, imports), source);
      this.#cores.push(made);
      const begin = made.exportedFunction(startExport);
      if (begin !== undefined) await callPromising(begin);
    }
  }

  core(core: number): CoreFace {
    return this.#cores[core] ?? trap(`there is no core ${core}`);
  }

  get memory(): GuestMemory {
    return this.core(0).memory;
  }

  exportedFunction(name: string): GuestFunction | undefined {
    return this.core(0).exportedFunction(name);
  }

  tableFunction(): GuestFunction | undefined {
    return undefined;
  }

  nested(callee: GuestFunction): (...args: readonly WasmValue[]) => NestedCall {
    const call = WebAssembly.promising(callee);
    return (...args) => new NestedCall(() => call(...args) as Promise<unknown>);
  }

  callGuest(callee: GuestFunction, arg: number | bigint): HostcallResult {
    this.#isWithin = true;
    try {
      return callee(arg);
    } finally {
      this.#isWithin = false;
    }
  }

  callBeside(callee: GuestFunction, ...args: readonly (number | bigint)[]) {
    return callPromising(callee, ...args);
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

  /** Ends the run, whoever catches it. */
  trap(reason: string): never {
    const error = new WebAssembly.RuntimeError(reason);
    this.#end.reject(error);
    throw error;
  }

  exit(exitCode: number): never {
    return trap(`exited with ${exitCode}`);
  }

  #wrap({ call, waits, isOpenWithin = false }: Hostcall): WebAssembly.ImportValue {
    const act = call as (...args: unknown[]) => unknown;
    const guarded = (...args: unknown[]): unknown => {
      if (this.#isWithin && !isOpenWithin)
        trap('a hostcall was made while the host called the guest');
      const answer = act(...args);
      return isSteps(answer as object) ? runSteps(answer as never) : answer;
    };
    return waits ? new WebAssembly.Suspending(guarded) : guarded;
  }
}
