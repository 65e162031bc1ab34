/**
 * Components of WASI 0.2: those that answer requests by `wasi:http/incoming-handler`, and programs
 * (`wasi:cli/run`), which do it in the manner of CGI. Their imports are made from the plan that
 * deploy worked out; see wasm/component/plan.ts.
 */
import type { Limits } from '../config/config.ts';
import type { ComponentPlan, PlannedExport } from '../wasm/component/plan.ts';
import type { Abi, Binding, CallEntry, GuestHost, Run, RunEnd } from './abi.ts';
import { CliRun } from './component/cli-run.ts';
import { ComponentGuest, type WorldRun } from './component/guest.ts';
import { HttpRun } from './component/http-run.ts';
import { Http03Run } from './component/http03-run.ts';
import { Interfaces } from './component/interfaces.ts';
import { findEntry, judgeComponent } from './component/judge.ts';
import { type CallListener, LiftedCall } from './component/lifted-call.ts';
import { PreparedComponent } from './component/prepared.ts';
import type { Variant } from './component/results.ts';
import { isForSpin } from './component/spin.ts';
import { Trampolines } from './component/trampolines.ts';
import type { Hostcall, ImportName } from './hostcall.ts';

/** What is called for a request, and how it answers. */
export interface World {
  readonly abi: string;
  /** The export that makes a component one of it. */
  readonly entry: string;
  readonly open: (run: Run, limits: Limits, isForSpin: boolean) => WorldRun;
}

const worlds: readonly World[] = [
  {
    abi: 'wasi-http-0.3',
    entry: 'wasi:http/handler@0.3.0',
    open: (run, limits, isForSpin) => new Http03Run(run, limits, isForSpin),
  },
  {
    abi: 'wasi-http',
    entry: 'wasi:http/incoming-handler@0.2.0',
    open: (run, limits, isForSpin) => new HttpRun(run, limits, isForSpin),
  },
  {
    abi: 'wasi-cli-0.3',
    entry: 'wasi:cli/run@0.3.0',
    open: (run, limits) => new CliRun(run, limits),
  },
  {
    abi: 'wasi-cli',
    entry: 'wasi:cli/run@0.2.0',
    open: (run, limits) => new CliRun(run, limits),
  },
];

type Opening = (run: Run) => WorldRun;

/** One for each world; a component that could be of several is of the first. */
export function createComponentAbis(
  limits: Limits,
  offered: readonly World[] = worlds,
): readonly Abi[] {
  const interfaces = new Interfaces();
  const prepared = new WeakMap<ComponentPlan, PreparedComponent>();
  const prepare = (plan: ComponentPlan): PreparedComponent => {
    const known = prepared.get(plan) ?? new PreparedComponent(plan, interfaces);
    prepared.set(plan, known);
    return known;
  };
  return offered.map((world) => abiOf(world, { limits, interfaces, prepare }));
}

interface AbiParts {
  readonly limits: Limits;
  readonly interfaces: Interfaces;
  readonly prepare: (plan: ComponentPlan) => PreparedComponent;
}

function abiOf(world: World, { limits, interfaces, prepare }: AbiParts): Abi {
  /** By program: the same for all its instances. */
  const openings = new WeakMap<ComponentPlan, Opening>();
  const openingOf = (plan: ComponentPlan): Opening => {
    const known = openings.get(plan);
    if (known !== undefined) return known;
    const isSpin = isForSpin(plan);
    const opening: Opening = (run) => world.open(run, limits, isSpin);
    openings.set(plan, opening);
    return opening;
  };
  return {
    name: world.abi,
    judge: () => ({ kind: 'other' }) as const,
    judgeComponent: (plan) => judgeComponent(plan, interfaces, world.entry),
    requestBody: 'streamed',
    bind: (host, component) => {
      if (component === undefined) throw new TypeError('Cannot bind a component without its plan');
      const { plan, entry } = component;
      const how = { entry: findEntry(plan, entry), limits, open: openingOf(plan) };
      return new ComponentBinding(host, prepare(plan), how);
    },
  };
}

class ComponentBinding implements Binding, CallListener {
  readonly nests: boolean;
  readonly #guest: ComponentGuest;
  readonly #prepared: PreparedComponent;
  readonly #trampolines: Trampolines;
  readonly #entry: LiftedCall;
  readonly #open: Opening;
  #run: WorldRun | undefined;
  #exitCode: number | undefined;

  constructor(
    host: GuestHost,
    prepared: PreparedComponent,
    how: {
      readonly entry: PlannedExport;
      readonly limits: Limits;
      readonly open: Opening;
    },
  ) {
    this.#open = how.open;
    this.#prepared = prepared;
    this.nests = prepared.nests;
    const guest = new ComponentGuest(host, prepared.plan, how.limits);
    this.#guest = guest;
    this.#trampolines = new Trampolines(guest, prepared);
    this.#entry = new LiftedCall({ guest, prepared, trampolines: this.#trampolines }, how.entry);
  }

  hostcall({ core = 0, module, name }: ImportName): Hostcall | undefined {
    const number = this.#prepared.find(core, { module, name });
    return number === undefined ? undefined : this.#trampolines.bind(number);
  }

  begin(run: Run): void {
    this.#run = this.#open(run);
    this.#guest.begin(this.#run);
  }

  /** Calls the entry, which may answer long before it ends. */
  enter(call: CallEntry): Promise<unknown> | undefined {
    const run = this.#run;
    if (run === undefined) throw new TypeError('Cannot enter: no run has begun');
    const ended = this.#entry.run(call, run.parameters(this.#guest), this);
    return ended instanceof Promise ? ended : undefined;
  }

  onAnswer(value: unknown): void {
    this.#exitCode = this.#run?.answer(this.#guest, value as Variant);
  }

  onEnd(): void {
    if (this.#exitCode !== undefined) this.#guest.host.exit(this.#exitCode);
  }

  cancel(): boolean {
    return this.#entry.cancel();
  }

  settle(end: RunEnd): Promise<void> | undefined {
    return this.#run?.settle?.(end);
  }

  /** @throws TerrafirmaError where there is no answer */
  finish(end: RunEnd): void {
    this.#run?.finish(end);
  }

  release(): void {
    this.#run = undefined;
    this.#exitCode = undefined;
    this.#guest.release();
  }
}
