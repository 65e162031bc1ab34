/** The suite's components on the engine of the product: metered, and restored between actions. */
import type { RestoreMode } from '../../../src/engine/restore/snapshot.ts';
import { type ReadComponent, readComponent } from '../../../src/wasm/component.ts';
import { ProgramPool } from '../../support/program-pool.ts';
import { suiteComponentLimits, suiteModuleLimits } from './limits.ts';
import {
  createSuiteAbi,
  type Outcome,
  type SuiteAction,
  type SuiteRun,
  suiteEntry,
  suiteRunLimits,
} from './suite-abi.ts';
import type { SuiteWorld } from './suite-world.ts';

export class EngineWorld implements SuiteWorld, Disposable {
  readonly name: string;
  readonly #pool: ProgramPool;
  #run: SuiteRun = { actions: [], outcomes: [] };
  #instances = 0;
  /** Runs by an instance that served a run before. */
  restoredCount = 0;

  constructor(restoreMode: RestoreMode) {
    this.name = `metered, ${restoreMode}`;
    const abi = createSuiteAbi(
      () => this.#run,
      () => {
        this.#instances += 1;
      },
    );
    this.#pool = new ProgramPool({ abi, restoreMode, limits: suiteRunLimits });
  }

  /**
   * Each action in a run of its own, after those before it: what they leave in the instance is
   * there for it, and what the run before left is not.
   */
  async perform(
    bytes: Uint8Array<ArrayBuffer>,
    actions: readonly SuiteAction[],
  ): Promise<readonly Outcome[]> {
    const component = readComponent(bytes, {
      limits: suiteComponentLimits,
      moduleLimits: suiteModuleLimits,
    });
    const loaded = this.#pool.linkComponent(component, suiteEntry);
    const outcomes: Outcome[] = [];
    for (const at of actions.keys()) {
      const before = this.#instances;
      const all = await this.#runOnce(loaded, actions.slice(0, at + 1));
      if (at > 0 && this.#instances === before) this.restoredCount += 1;
      const last = all[at] ?? all.at(-1);
      if (last !== undefined) outcomes.push(last);
      if (last?.kind === 'trapped') break;
    }
    return outcomes;
  }

  /** Undefined: it starts. */
  async start(bytes: Uint8Array<ArrayBuffer>): Promise<Outcome | undefined> {
    const component: ReadComponent = readComponent(bytes, { limits: suiteComponentLimits });
    const [outcome] = await this.#runOnce(this.#pool.linkComponent(component, suiteEntry), []);
    return outcome;
  }

  async #runOnce(
    loaded: Parameters<ProgramPool['run']>[0],
    actions: readonly SuiteAction[],
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    this.#run = { actions, outcomes };
    const { cause, error } = await this.#pool.run(loaded);
    const fault = cause ?? error;
    if (fault !== undefined && outcomes.length < Math.max(1, actions.length)) {
      outcomes.push({ kind: 'trapped', reason: fault.detail });
    }
    return outcomes;
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }
}
