/** One instance of a component as host functions see it: its run, its handles, and how it ends. */

import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { ComponentPlan } from '../../wasm/component/plan.ts';
import type { Exchange, GuestHost, RunEnd, WasmValue } from '../abi.ts';
import type { OpenFile } from '../objects/files/node.ts';
import type { Preopen } from '../objects/files/preopens.ts';
import type { HeldForRun } from '../objects/held-for-run.ts';
import type { PendingSet } from '../objects/pending.ts';
import { HandleTable } from './handles.ts';
import type { Variant } from './results.ts';
import type { ByteSink, ByteSource } from './streams.ts';
import { GuestTasks } from './tasks/guest-tasks.ts';

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

/** A run, as what calls its entry sees it. */
export interface WorldRun extends ComponentRun {
  /** What the entry is called with. */
  parameters(guest: ComponentGuest): readonly unknown[];
  /** What it returned, which may be long before it ends: the code to exit with, where it failed. */
  answer(guest: ComponentGuest, value: Variant): number | undefined;
  /** The entry ended: what has to be done before the answer may say so; see `Binding.settle`. */
  settle?(end: RunEnd): Promise<void> | undefined;
  /**
   * The entry ended: answers the exchange if an answer is due.
   *
   * @throws TerrafirmaError
   */
  finish(end: RunEnd): void;
}

export class ComponentGuest {
  readonly host: GuestHost;
  readonly limits: Limits;
  /** For each component instance. */
  readonly handles: readonly HandleTable[];
  readonly tasks: GuestTasks;
  /** Core values of a hostcall that does not wait: read before it returns, and then the next's. */
  readonly values: WasmValue[] = [0, 0, 0, 0, 0];
  /** Made when the run first asks for it. */
  insecureSeed: readonly [bigint, bigint] | undefined;
  #run: ComponentRun | undefined;

  constructor(host: GuestHost, plan: ComponentPlan, limits: Limits) {
    this.host = host;
    this.limits = limits;
    const instances = plan.instanceParents.length;
    this.tasks = new GuestTasks(host, instances, this);
    const { componentHandlesMax } = limits;
    this.handles = Array.from(
      { length: instances },
      () => new HandleTable(this, componentHandlesMax),
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
    this.insecureSeed = undefined;
    this.tasks.clear();
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
    const { tasks } = this;
    this.requireApart(instances);
    tasks.enter(instances);
    const words = [...this.context];
    this.context.fill(0);
    return words;
  }

  /** The call is over. */
  leave(instances: readonly number[], words: readonly number[]): void {
    this.tasks.leave(instances);
    for (const [slot, word] of words.entries()) this.context[slot] = word;
  }

  /** Traps where one of the instances is under way. */
  requireApart(instances: readonly number[]): void {
    if (!instances.some((instance) => this.tasks.isEntered(instance))) return;
    const rule = 'one that is under way is not called again';
    this.trap(`Cannot call a component: ${rule}: received a call from within`);
  }

  /** The words of the task that runs. */
  get context(): number[] {
    return this.tasks.context;
  }

  trap(reason: string): never {
    return this.host.trap(reason);
  }

  /** On the account of the run, where there is one, until its end. */
  tryHold(bytes: number): boolean {
    return this.#run?.held.tryHoldObjects(bytes) ?? true;
  }

  /** All wait: what was written should leave now. */
  beforeIdle(): void {
    this.#run?.beforeWait();
  }
}
