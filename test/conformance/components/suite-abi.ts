/**
 * What the official suite's components are to the engine: a run calls one export after another, as
 * the script says. All that crosses goes the way of the product.
 */
import type { Abi, Binding, CallEntry, GuestHost, Run } from '../../../src/abi/abi.ts';
import { ComponentGuest } from '../../../src/abi/component/guest.ts';
import { HttpRun } from '../../../src/abi/component/http-run.ts';
import { Interfaces } from '../../../src/abi/component/interfaces.ts';
import { LiftedCall } from '../../../src/abi/component/lifted-call.ts';
import { PreparedComponent } from '../../../src/abi/component/prepared.ts';
import { Trampolines } from '../../../src/abi/component/trampolines.ts';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import type { ComponentPlan } from '../../../src/wasm/component/plan.ts';
import { readValue } from './values.ts';

/** A call of the script. */
export interface SuiteAction {
  readonly line: number;
  readonly field: string;
  /** As the suite writes them. */
  readonly args: readonly unknown[];
}

export type Outcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'trapped'; readonly reason: string };

/** What one run is to do, and what came of it. */
export interface SuiteRun {
  readonly actions: readonly SuiteAction[];
  readonly outcomes: Outcome[];
}

export const suiteEntry = 'suite';

/** Time is no matter here: a suite that hangs is ended by who runs it. */
export const suiteRunLimits: Limits = {
  ...defaultLimits,
  cpuMsMax: 60_000,
  wallMsMax: 60_000,
  memoryBytesMax: 2 ** 32,
};

const interfaces = new Interfaces();

class SuiteBinding implements Binding {
  readonly #guest: ComponentGuest;
  readonly #prepared: PreparedComponent;
  readonly #trampolines: Trampolines;
  readonly #calls = new Map<string, LiftedCall>();
  readonly #nextRun: () => SuiteRun;

  constructor(host: GuestHost, plan: ComponentPlan, nextRun: () => SuiteRun) {
    this.#nextRun = nextRun;
    this.#prepared = new PreparedComponent(plan, interfaces);
    this.#guest = new ComponentGuest(host, plan, suiteRunLimits);
    this.#trampolines = new Trampolines(this.#guest, this.#prepared);
  }

  hostcall({ core = 0, module, name }: Parameters<Binding['hostcall']>[0]) {
    const number = this.#prepared.find(core, { module, name });
    return number === undefined ? undefined : this.#trampolines.bind(number);
  }

  begin(run: Run): void {
    this.#guest.begin(new HttpRun(run, suiteRunLimits));
  }

  async enter(call: CallEntry): Promise<void> {
    const { actions, outcomes } = this.#nextRun();
    for (const { field, args } of actions) {
      const values = this.#readArguments(field, args);
      const value = await this.#find(field).run(call, values);
      outcomes.push({ kind: 'returned', value });
    }
  }

  finish(): void {
    // There is no answer.
  }

  release(): void {
    this.#guest.release();
  }

  #readArguments(field: string, args: readonly unknown[]): readonly unknown[] {
    const types = findExport(this.#prepared.plan, field).type.params;
    return types.map(({ type }, at) => readValue(type, args[at]));
  }

  #find(field: string): LiftedCall {
    const known = this.#calls.get(field);
    if (known !== undefined) return known;
    const parts = {
      guest: this.#guest,
      prepared: this.#prepared,
      trampolines: this.#trampolines,
    };
    const made = new LiftedCall(parts, findExport(this.#prepared.plan, field));
    this.#calls.set(field, made);
    return made;
  }
}

/** @throws ReferenceError where it exports no such function */
export function findExport(plan: ComponentPlan, field: string) {
  const found = plan.exports.find((each) => each.name === field && each.interface === field);
  if (found === undefined) throw new ReferenceError(`no function export ${field}`);
  return found;
}

/** @param nextRun What the run that begins is to do. */
export function createSuiteAbi(nextRun: () => SuiteRun, onBind?: () => void): Abi {
  return {
    name: 'suite',
    requestBody: 'streamed',
    judge: () => ({ kind: 'other' }),
    bind: (host, component) => {
      if (component === undefined) throw new TypeError('Cannot bind a component without its plan');
      onBind?.();
      return new SuiteBinding(host, component.plan, nextRun);
    },
  };
}
