/** Whether something may be given where something is expected (component-model, Subtyping.md). */
import type {
  ComponentType,
  CoreExtern,
  CoreFunc,
  CoreModuleType,
  Extern,
  InstanceType,
  TypeItem,
} from './externs.ts';
import { isValueType } from './externs.ts';
import { quoteName } from './limits.ts';
import { bindResources, type Steps, Substitution } from './substitution.ts';
import { type FuncType, partsOf, type ValueType } from './types.ts';

/** Why it does not fit; undefined where it does. */
export type Misfit = string | undefined;

export class Comparison {
  readonly #steps: Steps;
  /** Pairs that are known to be equal. */
  readonly #equal = new Map<object, Set<object>>();

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** May `actual` be given for `expected`? */
  compare(actual: Extern, expected: Extern): Misfit {
    this.#steps.take();
    if (expected.kind === 'func' && actual.kind === 'func') {
      return this.#compareFuncs(actual.type, expected.type);
    }
    if (expected.kind === 'type' && actual.kind === 'type') {
      return this.#compareTypes(actual.type, expected.type);
    }
    if (expected.kind === 'instance' && actual.kind === 'instance') {
      return this.#compareInstances(actual.type, expected.type);
    }
    if (expected.kind === 'component' && actual.kind === 'component') {
      return this.#compareComponents(actual.type, expected.type);
    }
    if (expected.kind === 'core module' && actual.kind === 'core module') {
      return compareModules(actual.type, expected.type);
    }
    return `a ${actual.kind} where a ${expected.kind} is expected`;
  }

  #compareTypes(actual: TypeItem, expected: TypeItem): Misfit {
    if (expected.kind === 'instance' && actual.kind === 'instance') {
      return this.#compareInstances(actual, expected) ?? this.#compareInstances(expected, actual);
    }
    if (expected.kind === 'component' && actual.kind === 'component') {
      return this.#compareComponents(actual, expected) ?? this.#compareComponents(expected, actual);
    }
    if (expected.kind === 'func' && actual.kind === 'func') {
      return this.#compareFuncs(actual, expected);
    }
    if (expected.kind === 'resource' && actual.kind === 'resource') {
      return actual.id === expected.id ? undefined : 'another resource';
    }
    if (isValueType(expected) && isValueType(actual)) return this.#compareValues(actual, expected);
    return `a type of kind ${actual.kind} where ${expected.kind} is expected`;
  }

  #compareFuncs(actual: FuncType, expected: FuncType): Misfit {
    if (actual.isAsync !== expected.isAsync) return 'a function whose `async` differs';
    if (actual.params.length !== expected.params.length) {
      return `${actual.params.length} parameters where ${expected.params.length} are expected`;
    }
    for (const [place, param] of actual.params.entries()) {
      const wanted = expected.params[place];
      if (wanted === undefined || wanted.name !== param.name) {
        return `the parameter ${quoteName(param.name)} where another name is expected`;
      }
      const misfit = this.#compareValues(param.type, wanted.type);
      if (misfit !== undefined) return `${misfit} in the parameter ${quoteName(param.name)}`;
    }
    const misfit = this.#compareOptional(actual.result, expected.result);
    return misfit === undefined ? undefined : `${misfit} in the result`;
  }

  #compareOptional(actual: ValueType | undefined, expected: ValueType | undefined): Misfit {
    if (actual === undefined || expected === undefined) {
      return actual === expected ? undefined : 'a type where none is, or none where one is';
    }
    return this.#compareValues(actual, expected);
  }

  #compareValues(actual: ValueType, expected: ValueType): Misfit {
    if (actual === expected) return undefined;
    const known = this.#equal.get(actual);
    if (known?.has(expected) === true) return undefined;
    this.#steps.take();
    const misfit = compareHeads(actual, expected) ?? this.#compareParts(actual, expected);
    if (misfit !== undefined) return misfit;
    if (known === undefined) this.#equal.set(actual, new Set([expected]));
    else known.add(expected);
    return undefined;
  }

  #compareParts(actual: ValueType, expected: ValueType): Misfit {
    const wanted = partsOf(expected);
    for (const [place, part] of partsOf(actual).entries()) {
      const other = wanted[place];
      if (other === undefined) return `more parts of a ${actual.kind}`;
      const misfit = this.#compareValues(part, other);
      if (misfit !== undefined) return misfit;
    }
    return undefined;
  }

  #compareInstances(actual: InstanceType, expected: InstanceType): Misfit {
    const substitution = new Substitution(this.#steps);
    if (expected.fresh.length > 0) {
      const wanted = new Set(expected.fresh);
      const from: Extern = { kind: 'instance', type: expected };
      bindResources(from, { kind: 'instance', type: actual }, { substitution, wanted });
    }
    return this.#compareExports(actual.exports, expected.exports, substitution);
  }

  #compareExports(
    actual: ReadonlyMap<string, Extern>,
    expected: ReadonlyMap<string, Extern>,
    substitution: Substitution,
  ): Misfit {
    for (const [name, wanted] of expected) {
      const given = actual.get(name);
      if (given === undefined) return `no export ${quoteName(name)}`;
      const misfit = this.compare(given, substitution.apply(wanted));
      if (misfit !== undefined) return `${misfit} in the export ${quoteName(name)}`;
    }
    return undefined;
  }

  /** What imports less and exports more may stand in. */
  #compareComponents(actual: ComponentType, expected: ComponentType): Misfit {
    const given = new Substitution(this.#steps);
    const imported = new Set(actual.imported);
    for (const [name, wanted] of actual.imports) {
      const offered = expected.imports.get(name);
      if (offered === undefined) return `the import ${quoteName(name)}, which is not given`;
      bindResources(wanted, offered, { substitution: given, wanted: imported });
      const misfit = this.compare(offered, given.apply(wanted));
      if (misfit !== undefined) return `${misfit} in the import ${quoteName(name)}`;
    }
    const exports = given.apply(actual.exports);
    const made = new Substitution(this.#steps);
    const fresh = new Set(expected.fresh);
    for (const [name, wanted] of expected.exports) {
      bindResources(wanted, exports.get(name), { substitution: made, wanted: fresh });
    }
    return this.#compareExports(exports, expected.exports, made);
  }
}

/** What of two types can be told apart without their parts. */
function compareHeads(actual: ValueType, expected: ValueType): Misfit {
  const differs = `${actual.kind} where ${expected.kind} is expected`;
  if (actual.kind !== expected.kind) return differs;
  if ('resource' in actual && 'resource' in expected) {
    return actual.resource.id === expected.resource.id ? undefined : 'another resource';
  }
  const names = namesOf(actual);
  const wanted = namesOf(expected);
  if (names.length !== wanted.length) return `${names.length} where ${wanted.length} are expected`;
  const place = names.findIndex((name, at) => name !== wanted[at]);
  if (place !== -1) return `${quoteName(names[place] ?? '')} where another name is expected`;
  return hasPayloads(actual) === hasPayloads(expected) ? undefined : `another ${actual.kind}`;
}

function namesOf(type: ValueType): readonly string[] {
  if (type.kind === 'record') return type.fields.map(({ name }) => name);
  if (type.kind === 'variant') return type.cases.map(({ name }) => name);
  if (type.kind === 'flags' || type.kind === 'enum') return type.labels;
  return type.kind === 'tuple' ? type.items.map(() => '') : [];
}

/** Which of its places have a type, as text. */
function hasPayloads(type: ValueType): string {
  const mark = (part: ValueType | undefined): string => (part === undefined ? '-' : '+');
  if (type.kind === 'variant') return type.cases.map((each) => mark(each.type)).join('');
  if (type.kind === 'result') return `${mark(type.ok)}${mark(type.error)}`;
  if (type.kind === 'stream' || type.kind === 'future') return mark(type.element);
  return '';
}

export function compareModules(actual: CoreModuleType, expected: CoreModuleType): Misfit {
  for (const { module, name, extern } of actual.imports) {
    const offered = expected.imports.find((each) => each.module === module && each.name === name);
    const label = `the core import ${quoteName(module)} ${quoteName(name)}`;
    if (offered === undefined) return `${label}, which is not given`;
    const misfit = compareCore(offered.extern, extern);
    if (misfit !== undefined) return `${misfit} for ${label}`;
  }
  for (const [name, wanted] of expected.exports) {
    const given = actual.exports.get(name);
    if (given === undefined) return `no core export ${quoteName(name)}`;
    const misfit = compareCore(given, wanted);
    if (misfit !== undefined) return `${misfit} in the core export ${quoteName(name)}`;
  }
  return undefined;
}

/** Core types (WebAssembly core, "Import Matching"). */
export function compareCore(actual: CoreExtern, expected: CoreExtern): Misfit {
  const isOf = (kind: string): boolean => actual.kind === kind && expected.kind === kind;
  const differs = `a core ${actual.kind} where a ${expected.kind} is expected`;
  if (actual.kind !== expected.kind) return differs;
  if ('type' in actual && 'type' in expected && (isOf('func') || isOf('tag'))) {
    return sameFunc(actual.type as CoreFunc, expected.type as CoreFunc)
      ? undefined
      : `a core ${actual.kind} of another type`;
  }
  if (actual.kind === 'global' && expected.kind === 'global') {
    const isSame = actual.type === expected.type && actual.isMutable === expected.isMutable;
    return isSame ? undefined : 'a core global of another type';
  }
  if (actual.kind === 'table' && expected.kind === 'table' && actual.element !== expected.element) {
    return `a core table of ${actual.element}`;
  }
  if (!('limits' in actual && 'limits' in expected)) return differs;
  const [has, wants] = [actual.limits, expected.limits];
  const isWithin = wants.max === undefined || (has.max !== undefined && has.max <= wants.max);
  const isSame = has.isShared === wants.isShared && has.is64 === wants.is64;
  return has.min >= wants.min && isWithin && isSame
    ? undefined
    : `a core ${actual.kind} of other limits`;
}

export function sameFunc(one: CoreFunc, other: CoreFunc): boolean {
  return (
    one.params.join(' ') === other.params.join(' ') &&
    one.results.join(' ') === other.results.join(' ')
  );
}
