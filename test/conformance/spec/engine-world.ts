/**
 * Repeats a part of a script on the engine of the product, in a fresh guest and in the same one
 * restored. Only what a guest can be is repeated: modules that import functions of the suite alone.
 */
import type { Abi, Binding, GuestHost } from '../../../src/abi/abi.ts';
import type { Hostcall } from '../../../src/abi/hostcall.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { RestoreMode } from '../../../src/engine/restore/snapshot.ts';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { ProgramPool } from '../../support/program-pool.ts';
import { addEntry } from '../../wasm/support/entry.ts';
import { describeOutcome } from './values.ts';
import { suiteLimits } from './world.ts';

/** A call of an export, and what the original answered. */
export interface Repeated {
  readonly field: string;
  readonly args: readonly unknown[];
  readonly outcome: string;
}

/** What differed; `runs` is how many runs there were. */
export interface Repetition {
  readonly runs: number;
  readonly differences: readonly string[];
}

const entry = 'terrafirma:nothing';
const print: Hostcall = { waits: false, call: () => undefined };
const printNames = ['', '_i32', '_i64', '_f32', '_f64', '_i32_f32', '_f64_f64'];
const spectest = new Set(printNames.map((name) => `print${name}`));

export class EngineWorld implements Disposable {
  readonly #pool: ProgramPool;
  #script: ((host: GuestHost) => void) | undefined;
  #instances = 0;

  constructor(restoreMode: RestoreMode) {
    // Calls are made by the script and not by the entry: they cannot be suspended.
    const limits = {
      ...defaultLimits,
      sliceMs: 1e9,
      cpuMsMax: 1e9,
      wallMsMax: 1e9,
      memoryBytesMax: 2 ** 40,
      objectBytesPerRunMax: 2 ** 30,
      objectBytesPerThreadMax: 2 ** 40,
    };
    this.#pool = new ProgramPool({ abi: this.#bindAbi(), restoreMode, limits });
  }

  /** Undefined where the module can be no guest, or its calls cannot be made here. */
  async repeat(
    bytes: Uint8Array<ArrayBuffer>,
    actions: readonly Repeated[],
  ): Promise<Repetition | undefined> {
    const shape = inspectModule(bytes, suiteLimits);
    if (!shape.imports.every(({ kind, module }) => kind === 'func' && module === 'spectest')) {
      return undefined;
    }
    const loaded = this.#pool.load(addEntry(bytes, shape, entry), entry, suiteLimits);
    const isRestorable = loaded.program.cores.every(
      ({ engine }) => engine.metered.restorable === true,
    );
    const differences: string[] = [];
    for (const round of ['fresh', 'restored']) {
      const before = this.#instances;
      const outcomes = await this.#run(loaded, actions);
      const isReused = this.#instances === before;
      if (round === 'restored' && !isReused) {
        // Tables that grew and guests that swelled serve once.
        return { runs: 1, differences };
      }
      for (const [i, { field, outcome }] of actions.entries()) {
        if (outcomes[i] !== outcome) {
          differences.push(`${round} in the engine: ${field}: ${outcome} / ${outcomes[i]}`);
        }
      }
      if (!isRestorable) return { runs: 1, differences };
    }
    return { runs: 2, differences };
  }

  async #run(
    loaded: Parameters<ProgramPool['run']>[0],
    actions: readonly Repeated[],
  ): Promise<string[]> {
    const outcomes: string[] = [];
    this.#script = (host) => {
      for (const { field, args } of actions) {
        outcomes.push(describeOutcome(() => callExport(host, field, args)));
      }
    };
    const report = await this.#pool.run(loaded);
    this.#script = undefined;
    if (report.error !== undefined) outcomes.push(report.error.detail);
    return outcomes;
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }

  #bindAbi(): Abi {
    return {
      name: 'script',
      requestBody: 'streamed',
      judge: () => ({ kind: 'speaks', entry }),
      bind: (host): Binding => {
        this.#instances += 1;
        return {
          hostcall: ({ module, name }) =>
            module === 'spectest' && spectest.has(name) ? print : undefined,
          begin: () => this.#script?.(host),
          finish: () => undefined,
          release: () => undefined,
        };
      },
    };
  }
}

function callExport(host: GuestHost, field: string, args: readonly unknown[]): unknown {
  const callee = host.exportedFunction(field) as ((...args: unknown[]) => unknown) | undefined;
  if (callee === undefined) throw new ReferenceError(`no function export ${field}`);
  return callee(...args);
}
