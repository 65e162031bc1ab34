/** One instance of a component as host functions see it: its run, its handles, and how it ends. */

import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { ComponentPlan } from '../../wasm/component/plan.ts';
import type { GuestHost, RunEnd } from '../abi.ts';
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
  /** What the environment waits for; undefined where it waits for nothing. */
  prepareEnvironment(): Promise<void> | undefined;
  /** Once it is prepared. */
  readonly environment: readonly (readonly [string, string])[];
  readonly arguments: readonly string[];
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
  #run: ComponentRun | undefined;

  constructor(host: GuestHost, plan: ComponentPlan) {
    this.host = host;
    const trap = (reason: string): never => host.trap(reason);
    this.handles = Array.from(
      { length: plan.instanceCount },
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
    for (const table of this.handles) table.clear();
    run?.release();
  }

  /** Traps like `run`. */
  requireRun(): void {
    if (this.#run === undefined) this.trap('Cannot answer a hostcall: no request yet');
  }

  trap(reason: string): never {
    return this.host.trap(reason);
  }
}
