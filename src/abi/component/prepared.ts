/** What is worked out once for a component on one thread, and used by all its instances. */
import type {
  ComponentPlan,
  GuestTrampoline,
  HostTrampoline,
  PlannedResource,
  Trampoline,
} from '../../wasm/component/plan.ts';
import {
  type FuncType,
  flatAsyncParamsMax,
  flatParamsMax,
  flatResultsMax,
  flattenFunction,
  type ValueType,
} from '../../wasm/component/types.ts';
import type { CoreFace, HostcallFacts, TypedCall } from '../hostcall.ts';
import { factsOfBuiltIn } from './built-in-facts.ts';
import type { Codec } from './codec.ts';
import { Codecs } from './codecs.ts';
import type { HostFunction } from './functions.ts';
import { InstanceTree } from './instance-tree.ts';
import type { Interfaces } from './interfaces.ts';
import type { ElementType } from './tasks/guest-buffer.ts';
import type { TypeKeys } from './tasks/type-keys.ts';

/** A function that crosses, with the codecs of its types. */
export interface PreparedFunction {
  readonly params: Codec;
  /** Undefined where it answers nothing. */
  readonly result: Codec | undefined;
  /** Parameters that are too many come in memory. */
  readonly hasParamsInMemory: boolean;
  /** A result of several core values goes into memory, at the last parameter. */
  readonly hasResultInMemory: boolean;
  /** Of that parameter. */
  readonly resultPlace: number;
}

export interface PreparedImport extends PreparedFunction {
  /** For a trace. */
  readonly facts: HostcallFacts;
  /** Undefined where nobody can call it; see `HostInterface.functions`. */
  readonly function: HostFunction | undefined;
}

/** A function of another component instance. */
export interface PreparedCall extends PreparedFunction {
  /** See `InstanceTree`. */
  readonly entered: readonly number[];
}

export class PreparedComponent {
  readonly plan: ComponentPlan;
  readonly tree: InstanceTree;
  /** For each trampoline; undefined for those that are no functions of the host. */
  readonly imports: readonly (PreparedImport | undefined)[];
  /** The same for functions of other component instances. */
  readonly calls: readonly (PreparedCall | undefined)[];
  /** For each core: module → name → number of the trampoline. */
  readonly #places: readonly ReadonlyMap<string, ReadonlyMap<string, number>>[];
  readonly #resources: ReadonlyMap<number, PlannedResource>;
  /** Whether its code asks for the words of the task that runs. */
  readonly usesContext: boolean;
  /** Whether its parts call each other by way of the host. */
  readonly nests: boolean;
  readonly #codecs: Codecs;
  /** Of exports, by the instance that has them and by type: what they are called with is alike. */
  readonly #entered: (readonly number[] | undefined)[] = [];
  readonly #lifted = new Map<FuncType, PreparedFunction>();
  /** For each trampoline, once it is asked for. */
  readonly #facts: HostcallFacts[] = [];

  constructor(plan: ComponentPlan, interfaces: Interfaces) {
    this.plan = plan;
    this.usesContext = plan.trampolines.some(({ kind }) => kind === 'context.get');
    this.tree = new InstanceTree(plan.instanceParents);
    this.#resources = new Map(plan.resources.map((resource) => [resource.id, resource]));
    this.nests = plan.trampolines.some((each) => this.#isNesting(each));
    this.#codecs = new Codecs(({ id }) => {
      const resource = this.resource(id);
      const { identity } = resource;
      return { identity, instance: resource.origin === 'guest' ? resource.instance : undefined };
    });
    this.#places = plan.hostImports.map(placesOf);
    this.imports = plan.trampolines.map((each) => this.#prepareImport(each, interfaces));
    this.calls = plan.trampolines.map((each) =>
      each.kind === 'guest' ? this.#prepareCall(each) : undefined,
    );
  }

  resource(id: number): PlannedResource {
    const found = this.#resources.get(id);
    if (found === undefined) throw new TypeError(`Cannot find resource type ${id}`);
    return found;
  }

  /** Of a resource of its own a destructor may be called. */
  #isNesting(each: Trampoline): boolean {
    if (each.kind === 'guest') return true;
    return each.kind === 'resource.drop' && this.resource(each.resource.id).origin === 'guest';
  }

  /** Which trampoline an import of a core is. */
  find(
    core: number,
    wanted: { readonly module: string; readonly name: string },
  ): number | undefined {
    return this.#places[core]?.get(wanted.module)?.get(wanted.name);
  }

  /** What is said of a trampoline. @throws TypeError for a number that the plan does not have */
  facts(number: number): HostcallFacts {
    const trampoline = this.plan.trampolines[number];
    if (trampoline === undefined) throw new TypeError(`Cannot find trampoline ${number}`);
    this.#facts[number] ??=
      this.imports[number]?.facts ?? factsOfBuiltIn(trampoline, this.#typed(trampoline, number));
    return this.#facts[number];
  }

  /** How values cross in a call of another instance, or in the answer of a task. */
  #typed(trampoline: Trampoline, number: number) {
    if (trampoline.kind === 'guest') {
      const { options, type } = trampoline;
      const typed = typedCall({ options, type }, this.calls[number] ?? this.prepare(type));
      return { typed, core: this.#lowered(type, options.isAsync) };
    }
    if (trampoline.kind !== 'task.return' || trampoline.result === undefined) return undefined;
    const { result } = trampoline;
    const options = { ...trampoline.options, isAsync: false };
    const type = { params: [{ name: 'result', type: result }], result: undefined };
    const typed = typedCall({ options, type }, this.prepare(type));
    return { typed, core: this.#lowered(type, false) };
  }

  /** The core function that guests import. */
  #lowered(type: Pick<FuncType, 'params' | 'result'>, isAsync: boolean): CoreFace {
    const { layouts } = this.#codecs;
    return flattenFunction(type, { context: 'lower', isAsync, layouts });
  }

  /** Numbers for types, equal where these are. */
  get keys(): TypeKeys {
    return this.#codecs.keys;
  }

  /** What a stream or a future carries. */
  element(type: ValueType | undefined): ElementType {
    return this.#codecs.element(type);
  }

  /** Instances that a call of the host enters; see `InstanceTree`. */
  enteredByHost(instance: number): readonly number[] {
    this.#entered[instance] ??= this.tree.entered(instance);
    return this.#entered[instance];
  }

  /** A function that is lifted, once for all instances. */
  prepareLifted(type: FuncType): PreparedFunction {
    const prepared = this.#lifted.get(type) ?? this.prepare(type);
    this.#lifted.set(type, prepared);
    return prepared;
  }

  /** @param isAsync It is lowered so: few parameters, and no result but where the last one says. */
  prepare(
    { params, result }: Pick<FuncType, 'params' | 'result'>,
    isAsync = false,
  ): PreparedFunction {
    const codec = this.#codecs.ofParams(params.map(({ type }) => type));
    const resultCodec = result === undefined ? undefined : this.#codecs.of(result);
    const hasParamsInMemory = codec.flatCount > (isAsync ? flatAsyncParamsMax : flatParamsMax);
    return {
      params: codec,
      result: resultCodec,
      hasParamsInMemory,
      hasResultInMemory: (resultCodec?.flatCount ?? 0) > (isAsync ? 0 : flatResultsMax),
      resultPlace: hasParamsInMemory ? 1 : codec.flatCount,
    };
  }

  #prepareCall({ type, options, callee }: GuestTrampoline): PreparedCall {
    const entered = this.tree.entered(callee.options.instance, options.instance);
    return { ...this.prepare(type, options.isAsync), entered };
  }

  #prepareImport(trampoline: Trampoline, interfaces: Interfaces): PreparedImport | undefined {
    if (trampoline.kind !== 'host') return undefined;
    const { interface: owner, name, type, options } = trampoline;
    const known = interfaces.findImport(owner)?.functions.get(name);
    const prepared = this.prepare(type, options.isAsync);
    const waits = known?.function?.waits === true;
    const core = this.#lowered(type, options.isAsync);
    const facts = { ...factsOf(trampoline, prepared, waits), core };
    return { ...prepared, facts, function: known?.function };
  }
}

/** Whose answers may be secrets of the folder. */
const secretInterfaces = /^(?:wasi:config|wasi:cli\/environment|spin:variables|fermyon:spin)[/@]/;

function factsOf(
  { interface: owner, name, type, options }: HostTrampoline,
  prepared: PreparedFunction,
  waits: boolean,
): HostcallFacts {
  const typed = typedCall({ type, options }, prepared, secretInterfaces.test(owner));
  const words = { params: [], results: [], waits, meaning: '', spec: '' };
  return { name: `${owner}#${name}`, ...words, typed };
}

function typedCall(
  { options, type }: Pick<TypedCall, 'options' | 'type'>,
  { hasParamsInMemory, hasResultInMemory, resultPlace }: PreparedFunction,
  hidesAnswer = false,
): TypedCall {
  return { type, options, hasParamsInMemory, hasResultInMemory, resultPlace, hidesAnswer };
}

function placesOf(
  imports: ComponentPlan['hostImports'][number],
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const places = new Map<string, Map<string, number>>();
  for (const { module, name, trampoline } of imports) {
    const names = places.get(module) ?? new Map<string, number>();
    names.set(name, trampoline);
    places.set(module, names);
  }
  return places;
}
