/** What the core modules of one instance import from the host. */
import type {
  CoreExport,
  CrossingOptions,
  HostTrampoline,
  ResourceTrampoline,
} from '../../wasm/component/plan.ts';
import type { GuestFunction, WasmValue } from '../abi.ts';
import type { Hostcall } from '../hostcall.ts';
import { isSteps, type Steps, wait } from '../steps.ts';
import { Crossing } from './crossing.ts';
import type { ComponentGuest } from './guest.ts';
import type { PreparedComponent, PreparedImport } from './prepared.ts';

export class Trampolines {
  readonly #guest: ComponentGuest;
  readonly #prepared: PreparedComponent;
  /** One for each set of options: most components have few. */
  readonly #crossings = new Map<string, Crossing>();

  constructor(guest: ComponentGuest, prepared: PreparedComponent) {
    this.#guest = guest;
    this.#prepared = prepared;
  }

  /** @throws TypeError for a number that the plan does not have */
  bind(number: number): Hostcall {
    const trampoline = this.#prepared.plan.trampolines[number];
    if (trampoline === undefined) throw new TypeError(`Cannot bind trampoline ${number}`);
    if (trampoline.kind === 'host') return this.#bindHost(trampoline, number);
    if ('slot' in trampoline) return this.#bindContext(trampoline.kind, trampoline.slot);
    return this.#bindResource(trampoline);
  }

  /** Made when they are first wanted. */
  crossing(options: CrossingOptions): Crossing {
    const { instance, encoding, memory, realloc } = options;
    const key = JSON.stringify([instance, encoding, memory, realloc?.core, realloc?.export]);
    const known = this.#crossings.get(key);
    if (known !== undefined) return known;
    const handles = this.#guest.handles[instance];
    if (handles === undefined) throw new TypeError(`Cannot find component instance ${instance}`);
    const crossing = new Crossing(this.#guest.host, options, handles);
    this.#crossings.set(key, crossing);
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
    return {
      facts: prepared.facts,
      waits,
      call: callOf({ guest: this.#guest, prepared, crossing, act }) as Hostcall['call'],
    };
  }

  /** About things that no guest is ever given. */
  #bindUnreachable(name: string): Hostcall {
    const call = (): never =>
      this.#guest.trap(`Cannot call ${name}: its handle names nothing here`);
    return { waits: false, call };
  }

  #bindContext(kind: 'context.get' | 'context.set', slot: number): Hostcall {
    const { context } = this.#guest;
    const set = (value: number): void => {
      context[slot] = value;
    };
    return { waits: false, call: kind === 'context.get' ? () => context[slot] ?? 0 : set };
  }

  #bindResource(trampoline: ResourceTrampoline): Hostcall {
    const handles = this.#guest.handles[trampoline.instance];
    if (handles === undefined) throw new TypeError('Cannot find the component instance');
    const resource = this.#prepared.resource(trampoline.resource.id);
    const { identity: type } = resource;
    if (trampoline.kind === 'resource.new') {
      const add = (value: number): number => {
        this.#guest.requireRun();
        return handles.add({ type, value });
      };
      return { waits: false, call: add };
    }
    if (trampoline.kind === 'resource.rep') {
      return { waits: false, call: (index: number) => Number(handles.get(index, type).value) };
    }
    const destructor = resource.origin === 'guest' ? resource.destructor : undefined;
    const drop = (index: number): Promise<WasmValue | undefined> | undefined => {
      const { value } = handles.take(index, type);
      if (typeof value === 'object') value.drop();
      else if (destructor !== undefined) {
        return this.#guest.host.callBeside(this.func(destructor), value);
      }
      return undefined;
    };
    return { waits: destructor !== undefined, call: drop as Hostcall['call'] };
  }
}

interface Bound {
  readonly guest: ComponentGuest;
  readonly prepared: PreparedImport;
  readonly crossing: Crossing;
  readonly act: (...args: unknown[]) => unknown;
}

function callOf({ guest, prepared, crossing, act }: Bound): (...flat: WasmValue[]) => unknown {
  const { params, hasParamsInMemory } = prepared;
  return (...flat) => {
    guest.requireRun();
    crossing.begin();
    const args = (
      hasParamsInMemory ? loadParams(crossing, prepared, flat) : params.lift(crossing, flat, 0)
    ) as unknown[];
    const answer = act(...args);
    const isLater = answer instanceof Promise || (isObject(answer) && isSteps(answer));
    return isLater
      ? giveLater(answer as Promise<unknown> | Steps<unknown>, { prepared, crossing, flat })
      : give(answer, { prepared, crossing, flat });
  };
}

function isObject(answer: unknown): answer is object {
  return typeof answer === 'object' && answer !== null;
}

function loadParams(
  crossing: Crossing,
  { params }: PreparedImport,
  flat: readonly WasmValue[],
): unknown {
  const ptr = Number(flat[0]) >>> 0;
  crossing.requireAligned(ptr, params.align);
  crossing.memory.requireRange(ptr, params.size);
  return params.load(crossing, ptr);
}

interface Place {
  readonly prepared: PreparedImport;
  readonly crossing: Crossing;
  readonly flat: readonly WasmValue[];
}

/** On the guest's own turn: its allocator is called. */
function* giveLater(
  answer: Promise<unknown> | Steps<unknown>,
  place: Place,
): Steps<WasmValue | undefined> {
  const value = isSteps(answer) ? yield* answer : yield* wait(answer);
  return give(value, place);
}

function give(value: unknown, { prepared, crossing, flat }: Place): WasmValue | undefined {
  const { result, hasResultInMemory } = prepared;
  if (result === undefined) return undefined;
  if (!hasResultInMemory) {
    const lowered: WasmValue[] = [];
    result.lower(crossing, value as never, lowered);
    return lowered[0];
  }
  const ptr = Number(flat.at(-1)) >>> 0;
  crossing.requireAligned(ptr, result.align);
  crossing.memory.requireRange(ptr, result.size);
  result.store(crossing, value as never, ptr);
  return undefined;
}
