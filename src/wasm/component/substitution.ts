/**
 * Types with other resources in place of some. A component is typed once, with names for the
 * resources that it is given and for those that it makes; each instance has its own.
 */
import type { Extern, InstanceType, TypeItem } from './externs.ts';
import { refuseComponent } from './limits.ts';
import type { ResourceType } from './types.ts';

/** A bound of work: small files can ask for types without end. */
export class Steps {
  #left: number;

  constructor(stepsMax: number) {
    this.#left = stepsMax;
  }

  /** @throws TerrafirmaError `module-refused` when there were too many */
  take(): void {
    this.#left -= 1;
    if (this.#left >= 0) return;
    throw refuseComponent('its types are compared in bounded time', 'more than that', 0);
  }
}

/** Numbers for resources: no two are equal. */
export class ResourceIds {
  #last = 0;

  next(): ResourceType {
    this.#last += 1;
    return { kind: 'resource', id: this.#last };
  }
}

export class Substitution {
  readonly #steps: Steps;
  readonly #resources = new Map<number, ResourceType>();
  readonly #known = new Map<object, object>();

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  has(id: number): boolean {
    return this.#resources.has(id);
  }

  setResource(id: number, resource: ResourceType): void {
    this.#resources.set(id, resource);
  }

  /** This very type, wherever it stands, is that one from now on. */
  setType(from: TypeItem, to: TypeItem): void {
    this.#known.set(from, to);
  }

  /** The same where nothing in it is substituted. */
  apply<T extends object>(part: T): T {
    const known = this.#known.get(part);
    if (known !== undefined) return known as T;
    this.#steps.take();
    const result = this.#substitute(part);
    this.#known.set(part, result);
    return result as T;
  }

  #substitute(part: object): object {
    if (part instanceof Map) return this.#substituteMap(part);
    if (Array.isArray(part)) return this.#substituteList(part);
    if ('kind' in part && part.kind === 'core module') return part;
    if ('kind' in part && part.kind === 'resource') {
      return this.#resources.get((part as ResourceType).id) ?? part;
    }
    let changed: Record<string, unknown> | undefined;
    for (const [key, value] of Object.entries(part)) {
      if (typeof value !== 'object' || value === null) continue;
      const result = this.apply(value as object);
      if (result === value) continue;
      changed ??= { ...part };
      changed[key] = result;
    }
    return changed ?? part;
  }

  #substituteList(part: readonly unknown[]): object {
    let isChanged = false;
    const items = part.map((item) => {
      if (typeof item !== 'object' || item === null) return item;
      const result = this.apply(item);
      isChanged ||= result !== item;
      return result;
    });
    return isChanged ? items : part;
  }

  #substituteMap(part: ReadonlyMap<string, object>): object {
    let isChanged = false;
    const entries: [string, object][] = [];
    for (const [name, value] of part) {
      const result = this.apply(value);
      isChanged ||= result !== value;
      entries.push([name, result]);
    }
    return isChanged ? new Map(entries) : part;
  }
}

/**
 * Takes over into `substitution` which resources of `expected` are which of `actual`: those of
 * `wanted` that are not known yet.
 */
export function bindResources(
  expected: Extern,
  actual: Extern | undefined,
  how: { readonly substitution: Substitution; readonly wanted: ReadonlySet<number> },
): void {
  const { substitution, wanted } = how;
  forTypes(expected, actual, (from, to) => {
    if (from.kind !== 'resource' || to.kind !== 'resource') return;
    if (wanted.has(from.id) && !substitution.has(from.id)) substitution.setResource(from.id, to);
  });
}

/** Takes over which types of `expected` are which of `actual`, which were found to be equal. */
export function bindTypes(
  expected: Extern,
  actual: Extern | undefined,
  substitution: Substitution,
): void {
  forTypes(expected, actual, (from, to) => substitution.setType(from, to));
}

/** All types that stand in the same place of both. */
function forTypes(
  expected: Extern,
  actual: Extern | undefined,
  act: (expected: TypeItem, actual: TypeItem) => void,
): void {
  if (expected.kind === 'type' && actual?.kind === 'type') act(expected.type, actual.type);
  if (expected.kind !== 'instance' || actual?.kind !== 'instance') return;
  for (const [name, each] of expected.type.exports) {
    forTypes(each, actual.type.exports.get(name), act);
  }
}

/** An instance of that type, whose resources are its own: new ones, which `note` is told. */
export function openInstance(
  type: InstanceType,
  how: {
    readonly steps: Steps;
    readonly ids: ResourceIds;
    readonly note: (resource: ResourceType) => void;
  },
): InstanceType {
  if (type.fresh.length === 0) return type;
  const substitution = new Substitution(how.steps);
  for (const id of type.fresh) {
    const resource = how.ids.next();
    substitution.setResource(id, resource);
    how.note(resource);
  }
  return { kind: 'instance', exports: substitution.apply(type.exports), fresh: [] };
}
