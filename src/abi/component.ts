/**
 * Components of WASI 0.2: those that answer requests by `wasi:http/incoming-handler`, and programs
 * (`wasi:cli/run`), which do it in the manner of CGI. Their imports are made from the plan that
 * deploy worked out; see wasm/component/plan.ts.
 */
import type { Limits } from '../config/config.ts';
import type { ComponentPlan, PlannedExport } from '../wasm/component/plan.ts';
import type { Abi, Binding, CallEntry, GuestHost, Run, RunEnd, WasmValue } from './abi.ts';
import { ComponentGuest } from './component/guest.ts';
import { HttpRun } from './component/http-run.ts';
import { Interfaces } from './component/interfaces.ts';
import { findEntry, judgeComponent } from './component/judge.ts';
import { PreparedComponent } from './component/prepared.ts';
import { Trampolines } from './component/trampolines.ts';
import type { Hostcall, ImportName } from './hostcall.ts';

const httpEntry = 'wasi:http/incoming-handler@0.2.0';

/** @param limits Of runs. */
export function createHttpComponentAbi(limits: Limits): Abi {
  const interfaces = new Interfaces();
  const prepared = new WeakMap<ComponentPlan, PreparedComponent>();
  const prepare = (plan: ComponentPlan): PreparedComponent => {
    const known = prepared.get(plan) ?? new PreparedComponent(plan, interfaces);
    prepared.set(plan, known);
    return known;
  };
  return {
    name: 'wasi-http',
    judge: () => ({ kind: 'other' }),
    judgeComponent: (plan) => judgeComponent(plan, interfaces, httpEntry),
    requestBody: 'streamed',
    bind: (host, program) => {
      if (program === undefined) throw new TypeError('Cannot bind a component without its plan');
      const { plan, entry } = program;
      return new HttpBinding(host, prepare(plan), { entry: findEntry(plan, entry), limits });
    },
  };
}

class HttpBinding implements Binding {
  readonly #guest: ComponentGuest;
  readonly #limits: Limits;
  readonly #prepared: PreparedComponent;
  readonly #trampolines: Trampolines;
  readonly #entry: PlannedExport;
  #run: HttpRun | undefined;

  constructor(
    host: GuestHost,
    prepared: PreparedComponent,
    how: { readonly entry: PlannedExport; readonly limits: Limits },
  ) {
    this.#limits = how.limits;
    this.#entry = how.entry;
    this.#prepared = prepared;
    this.#guest = new ComponentGuest(host, prepared.plan, how.limits);
    this.#trampolines = new Trampolines(this.#guest, prepared);
  }

  hostcall({ core = 0, module, name }: ImportName): Hostcall | undefined {
    const number = this.#prepared.find(core, { module, name });
    return number === undefined ? undefined : this.#trampolines.bind(number);
  }

  begin(run: Run): void {
    this.#run = new HttpRun(run, this.#limits);
    this.#guest.begin(this.#run);
  }

  /** Calls `handle` with the request and the right to answer it. */
  async enter(call: CallEntry): Promise<void> {
    const run = this.#run;
    if (run === undefined) throw new TypeError('Cannot enter: no run has begun');
    const { func, type, options } = this.#entry;
    const { params } = this.#prepared.prepare(type);
    const flat: WasmValue[] = [];
    params.lower(this.#trampolines.crossing(options), run.open() as never, flat);
    await call(this.#trampolines.func(func), ...flat);
    if (options.postReturn !== undefined) {
      this.#guest.host.callGuest(this.#trampolines.func(options.postReturn), 0);
    }
  }

  /** @throws TerrafirmaError `bad-reply` where no answer was set */
  finish(end: RunEnd): void {
    this.#run?.endLog();
    const isGood = end.kind === 'returned' || (end.kind === 'exited' && end.exitCode === 0);
    if (isGood) this.#run?.reply.end();
  }

  release(): void {
    this.#run = undefined;
    this.#guest.release();
  }
}
