/** One instance of a component as host functions see it: its run, its handles, and how it ends. */

import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { ComponentPlan } from '../../wasm/component/plan.ts';
import type { Exchange, GuestHost, RunEnd } from '../abi.ts';
import type { OpenFile } from '../objects/files/node.ts';
import type { Preopen } from '../objects/files/preopens.ts';
import type { HeldForRun } from '../objects/held-for-run.ts';
import type { PendingSet } from '../objects/pending.ts';
import { HandleTable } from './handles.ts';
import type { ByteSink, ByteSource } from './streams.ts';

/** What one run has; each world fills it in its own way. */
export interface ComponentRun {
  readonly capabilities: Capabilities;
  readonly limits: Limits;
  readonly held: HeldForRun;
  readonly pending: PendingSet;
  /** Of the request that it answers, which may have something behind it. */
  readonly exchange: Pick<Exchange, 'next' | 'request'>;
  /** What the environment waits for; undefined where it waits for nothing. */
  prepareEnvironment(): Promise<void> | undefined;
  /** Once it is prepared. */
  readonly environment: readonly (readonly [string, string])[];
  readonly arguments: readonly string[];
  /** Directories that are open from the start. */
  openDirectories(): readonly Preopen[];
  /** The guest has given it up. Never throws. */
  closeFile(file: OpenFile): void;
  readonly stdin: ByteSource;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  /** The guest is about to wait: what it has written should leave now. */
  beforeWait(): void;
  /** Nothing of it stays open. Never throws. */
  release(): void;
}

/** A handle names anything that a guest has: fields and pollables among them. */
const handlesMax = 10_000;
/** A run, as what calls its entry sees it. */
export interface WorldRun extends ComponentRun {
  /** What the entry is called with. */
  parameters(): readonly unknown[];
  /** The entry ended: what has to be done before the answer may say so; see `Binding.settle`. */
  settle?(end: RunEnd): Promise<void> | undefined;
  /**
   * The entry ended: answers the exchange if an answer is due.
   *
   * @throws TerrafirmaError
   */
  finish(end: RunEnd): void;
}

/** Words of the guest's own for each task (`context.get`). */
const contextWords = 2;

export class ComponentGuest {
  readonly host: GuestHost;
  /** For each component instance. */
  readonly handles: readonly HandleTable[];
  readonly context: number[] = Array<number>(contextWords).fill(0);
  /** Component instances whose functions are under way. */
  readonly #entered = new Set<number>();
  #run: ComponentRun | undefined;

  constructor(host: GuestHost, plan: ComponentPlan) {
    this.host = host;
    const trap = (reason: string): never => host.trap(reason);
    this.handles = Array.from(
      { length: plan.instanceParents.length },
      () => new HandleTable({ handlesMax, trap }),
    );
  }

  /**
   * Traps while the instance is started, before any request: what it did then would be there for
   * all visitors. A start that wants to call the host is run anew in each run.
   */
  get run(): ComponentRun {
    return this.#run ?? this.trap('Cannot answer a hostcall: no request yet');
  }

  begin(run: ComponentRun): void {
    this.#run = run;
  }

  release(): void {
    const run = this.#run;
    this.#run = undefined;
    this.context.fill(0);
    this.#entered.clear();
    for (const table of this.handles) table.clear();
    run?.release();
  }

  /** The run's own end does more, or less, with what is still open. */
  closeFile(file: OpenFile): void {
    this.#run?.closeFile(file);
  }

  /** Traps like `run`. */
  requireRun(): void {
    if (this.#run === undefined) this.trap('Cannot answer a hostcall: no request yet');
  }

  /**
   * A call begins that has words of its own; the ones until now are given back for `leave`. Traps
   * where one of the instances is under way.
   */
  enter(instances: readonly number[]): readonly number[] {
    for (const instance of instances) {
      if (this.#entered.has(instance)) {
        const rule = 'one that is under way is not called again';
        this.trap(`Cannot call a component: ${rule}: received a call from within`);
      }
      this.#entered.add(instance);
    }
    const words = [...this.context];
    this.context.fill(0);
    return words;
  }

  /** The call is over. */
  leave(instances: readonly number[], words: readonly number[]): void {
    for (const instance of instances) this.#entered.delete(instance);
    for (const [slot, word] of words.entries()) this.context[slot] = word;
  }

  trap(reason: string): never {
    return this.host.trap(reason);
  }
}
