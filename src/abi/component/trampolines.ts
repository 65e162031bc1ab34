/** What the core modules of one instance import from the host. */
import type {
  CoreExport,
  CrossingOptions,
  GuestTrampoline,
  HostTrampoline,
  PlannedResource,
  ResourceTrampoline,
  Trampoline,
} from '../../wasm/component/plan.ts';
import type { FuncType } from '../../wasm/component/types.ts';
import type { GuestFunction, WasmValue } from '../abi.ts';
import type { Hostcall, HostcallAnswer } from '../hostcall.ts';
import { isSteps, type NestedCall, type Steps } from '../steps.ts';
import { Crossing } from './crossing.ts';
import type { ComponentGuest } from './guest.ts';
import { callComponent, type GuestCallParts } from './guest-calls.ts';
import type { HandleTable } from './handles.ts';
import type { PreparedComponent, PreparedImport } from './prepared.ts';
import type { BuiltInParts } from './tasks/built-in-parts.ts';
import { bindTaskFunction } from './tasks/built-ins.ts';
import { callTask, type TaskCallParts } from './tasks/guest-task-calls.ts';
import { bindAsyncHostCall } from './tasks/host-calls.ts';
import type { LiftedFunction } from './tasks/run-task.ts';
import type { TaskFacts } from './tasks/task.ts';
import type { OnEvent } from './tasks/waitable.ts';
import { liftParams, lowerResult } from './values.ts';

const noCrossings: readonly Crossing[] = [];

export class Trampolines {
  readonly #guest: ComponentGuest;
  readonly #prepared: PreparedComponent;
  /** One for each set of options: most components have few. */
  #crossings = noCrossings;
  /** Of all crossings. */
  readonly #onEvent: OnEvent;
  readonly #builtInParts: BuiltInParts;

  constructor(guest: ComponentGuest, prepared: PreparedComponent) {
    this.#guest = guest;
    this.#prepared = prepared;
    const { tasks } = guest;
    this.#onEvent = (isAwaited) => tasks.threads.poke(isAwaited);
    this.#builtInParts = { guest, prepared, crossing: (options) => this.crossing(options) };
  }

  /** @throws TypeError for a number that the plan does not have */
  bind(number: number): Hostcall {
    const trampoline = this.#prepared.plan.trampolines[number];
    if (trampoline === undefined) throw new TypeError(`Cannot bind trampoline ${number}`);
    const hostcall = this.#bind(trampoline, number);
    return { ...hostcall, facts: this.#prepared.facts(number) };
  }

  #bind(trampoline: Trampoline, number: number): Hostcall {
    switch (trampoline.kind) {
      case 'host':
        return this.#bindHost(trampoline, number);
      case 'guest':
        return trampoline.type.isAsync
          ? this.#bindTask(trampoline, number)
          : this.#bindGuest(trampoline, number);
      case 'context.get':
      case 'context.set':
        return this.#bindContext(trampoline.kind, trampoline.slot);
      case 'resource.new':
      case 'resource.drop':
      case 'resource.rep':
        return this.#bindResource(trampoline);
      default:
        return bindTaskFunction(this.#builtInParts, trampoline);
    }
  }

  /** A function that a core module has and the component lifts; its core is there by now. */
  lifted(type: FuncType, func: CoreExport, options: CrossingOptions): LiftedFunction {
    const { callback, postReturn } = options;
    const crossing = this.crossing(options);
    return {
      prepared: this.#prepared.prepareLifted(type),
      crossing,
      func: this.func(func),
      callback: callback && this.func(callback),
      postReturn: postReturn && this.func(postReturn),
    };
  }

  /** What tasks of such a function have in common. */
  facts(type: FuncType, options: CrossingOptions): TaskFacts {
    return {
      instance: this.#guest.tasks.state(options.instance),
      mayBlock: type.isAsync,
      isAsync: options.isAsync,
      hasCallback: options.callback !== undefined,
      resultKey: this.#prepared.keys.of(type.result),
      encoding: options.encoding,
      memory: options.memory,
    };
  }

  /** Made when they are first wanted. */
  crossing(options: CrossingOptions): Crossing {
    const known = this.#crossings.find((each) => each.isBy(options));
    if (known !== undefined) return known;
    const { instance } = options;
    const handles = this.#guest.handles[instance];
    if (handles === undefined) throw new TypeError(`Cannot find component instance ${instance}`);
    const { host, tasks, limits } = this.#guest;
    const onEvent = this.#onEvent;
    const { componentCallBytesMax: callBytesMax } = limits;
    const words = this.#prepared.usesContext ? tasks : undefined;
    const crossing = new Crossing({ host, handles, onEvent, callBytesMax, words }, options);
    // Of exactly that length: a list that grows takes room for sixteen more.
    this.#crossings = this.#crossings.concat(crossing);
    return crossing;
  }

  /** An export of a core module. Traps where it is none that can be called. */
  func({ core, export: name }: CoreExport): GuestFunction {
    const { host } = this.#guest;
    return host.core(core).exportedFunction(name) ?? host.trap(`there is no function ${name}`);
  }

  #bindHost(trampoline: HostTrampoline, number: number): Hostcall {
    const prepared = this.#prepared.imports[number];
    if (prepared?.function === undefined) return this.#bindUnreachable(trampoline.name);
    const { waits, bind } = prepared.function;
    const act = bind(this.#guest) as (...args: unknown[]) => unknown;
    const crossing = this.crossing(trampoline.options);
    if (trampoline.type.isAsync) {
      const parts = { guest: this.#guest, prepared, crossing, act };
      return bindAsyncHostCall(parts, trampoline.options.isAsync);
    }
    return { waits, call: callOf({ guest: this.#guest, prepared, crossing, act, waits }) };
  }

  /** About things that no guest is ever given. */
  #bindUnreachable(name: string): Hostcall {
    const call = (): never =>
      this.#guest.trap(`Cannot call ${name}: its handle names nothing here`);
    return { waits: false, call };
  }

  #bindContext(kind: 'context.get' | 'context.set', slot: number): Hostcall {
    const { tasks } = this.#guest;
    const set = (value: number): void => {
      tasks.context[slot] = value;
    };
    const get = (): number => tasks.context[slot] ?? 0;
    return { waits: false, isOpenWithin: true, call: kind === 'context.get' ? get : set };
  }

  #bindGuest({ options, callee }: GuestTrampoline, number: number): Hostcall {
    const prepared = this.#prepared.calls[number];
    if (prepared === undefined) throw new TypeError(`Cannot bind trampoline ${number}`);
    const { postReturn } = callee.options;
    const { host } = this.#guest;
    const parts: GuestCallParts = {
      guest: this.#guest,
      prepared,
      caller: this.crossing(options),
      callee: this.crossing(callee.options),
      entered: prepared.entered,
      begin: this.#nested(callee.func),
      postReturn: postReturn && ((answer) => host.callGuest(this.func(postReturn), answer)),
    };
    return { waits: true, call: (...flat: WasmValue[]) => callComponent(parts, flat) };
  }

  /** A call of an async function, which may go on beside its caller. */
  #bindTask({ type, options, callee }: GuestTrampoline, number: number): Hostcall {
    const prepared = this.#prepared.calls[number];
    if (prepared === undefined) throw new TypeError(`Cannot bind trampoline ${number}`);
    let lifted: LiftedFunction | undefined;
    const parts: TaskCallParts = {
      guest: this.#guest,
      host: this.#guest.host,
      prepared,
      caller: this.crossing(options),
      isAsync: options.isAsync,
      entered: prepared.entered,
      facts: this.facts(type, callee.options),
      lifted: () => {
        lifted ??= this.lifted(type, callee.func, callee.options);
        return lifted;
      },
    };
    return { waits: true, call: (...flat: WasmValue[]) => callTask(parts, flat) };
  }

  /** Found when it is first called: its core may still be to come. */
  #nested(func: CoreExport): (...args: readonly WasmValue[]) => NestedCall {
    let begin: ((...args: readonly WasmValue[]) => NestedCall) | undefined;
    return (...args) => {
      begin ??= this.#guest.host.nested(this.func(func));
      return begin(...args);
    };
  }

  #bindResource(trampoline: ResourceTrampoline): Hostcall {
    const { instance } = trampoline;
    const handles = this.#guest.handles[instance];
    if (handles === undefined) throw new TypeError('Cannot find the component instance');
    const resource = this.#prepared.resource(trampoline.resource.id);
    const { identity: type } = resource;
    if (trampoline.kind === 'resource.new') {
      const add = (value: number): number => {
        this.#guest.requireRun();
        return handles.add(type, value);
      };
      return { waits: false, call: add };
    }
    if (trampoline.kind === 'resource.rep') {
      const find = (index: number): number => Number(handles.get(index, type).value);
      return { waits: false, isOpenWithin: true, call: find };
    }
    return this.#bindDrop(handles, { resource, instance });
  }

  #bindDrop(
    handles: HandleTable,
    { resource, instance }: { readonly resource: PlannedResource; readonly instance: number },
  ): Hostcall {
    const { identity: type } = resource;
    const destroy =
      resource.origin === 'guest' && resource.destructor !== undefined
        ? this.#destructor(
            resource.destructor,
            this.#prepared.tree.entered(resource.instance, instance),
          )
        : undefined;
    const drop = (index: number): Steps<undefined> | undefined => {
      const { borrowedBy } = handles.get(index, type);
      if (borrowedBy !== undefined) {
        handles.drop(index, type);
        borrowedBy.giveBack();
        return undefined;
      }
      const { value } = handles.take(index, type);
      if (typeof value === 'number') return destroy?.(value);
      value.drop();
      return undefined;
    };
    return { waits: destroy !== undefined, call: drop };
  }

  #destructor(
    func: CoreExport,
    entered: readonly number[],
  ): (representation: number) => Steps<undefined> {
    const begin = this.#nested(func);
    const guest = this.#guest;
    return function* destroy(representation) {
      const words = guest.enter(entered);
      yield begin(representation);
      guest.leave(entered, words);
      return undefined;
    };
  }
}

type Act = (...args: unknown[]) => unknown;

interface Bound {
  readonly guest: ComponentGuest;
  readonly prepared: PreparedImport;
  readonly crossing: Crossing;
  readonly act: Act;
  readonly waits: boolean;
}

/** Core values that a function is called with without gathering them: nearly all have so few. */
const shortCount = 5;

function callOf(bound: Bound): Hostcall['call'] {
  const { params, hasResultInMemory } = bound.prepared;
  if (params.flatCount + (hasResultInMemory ? 1 : 0) > shortCount) {
    return (...flat: WasmValue[]) => callWith(bound, flat);
  }
  type V = WasmValue;
  // Those beyond its parameters are nobody's.
  if (bound.waits) return (a: V, b: V, c: V, d: V, e: V) => callWith(bound, [a, b, c, d, e]);
  const { values } = bound.guest;
  return (a: V, b: V, c: V, d: V, e: V) => {
    values[0] = a;
    values[1] = b;
    values[2] = c;
    values[3] = d;
    values[4] = e;
    return callWith(bound, values);
  };
}

function callWith(bound: Bound, flat: readonly WasmValue[]): HostcallAnswer {
  const { guest, prepared, crossing, act, waits } = bound;
  guest.requireRun();
  crossing.beginHostCall();
  const answer = actOn(act, liftParams(crossing, prepared, flat));
  return waits && isLater(answer)
    ? giveLater(answer, { prepared, crossing, flat })
    : lowerResult(crossing, prepared, { value: answer, flat });
}

/** As `act(...values)` does, which costs more than many a function itself. */
function actOn(act: Act, values: readonly unknown[]): unknown {
  switch (values.length) {
    case 0:
      return act();
    case 1:
      return act(values[0]);
    case 2:
      return act(values[0], values[1]);
    default:
      return act(...values);
  }
}

function isLater(answer: unknown): answer is Promise<unknown> | Steps<unknown> {
  if (typeof answer !== 'object' || answer === null) return false;
  return answer instanceof Promise || isSteps(answer);
}

interface Place {
  readonly prepared: PreparedImport;
  readonly crossing: Crossing;
  readonly flat: readonly WasmValue[];
}

/** On the guest's own turn: its allocator is called. */
function* giveLater(
  answer: Promise<unknown> | Steps<unknown>,
  { prepared, crossing, flat }: Place,
): Steps<WasmValue | undefined> {
  const value = isSteps(answer) ? yield* answer : yield answer;
  return lowerResult(crossing, prepared, { value, flat });
}
