/**
 * Which types a function, type or instance may mention where it is imported or exported: whoever
 * uses it must be able to name them (component-model, Explainer, "External Visibility of Types").
 */
import type { Extern, InstanceType, TypeItem } from './externs.ts';
import { isValueType } from './externs.ts';
import type { Steps } from './substitution.ts';
import { type FuncType, partsOf, type ValueType } from './types.ts';

/** These are what they are by their name, not by what they consist of. */
const nominal: ReadonlySet<string> = new Set(['record', 'variant', 'flags', 'enum']);

export class Visibility {
  readonly #named: Set<object>;
  readonly #steps: Steps;
  /** Types all of whose parts have names. */
  readonly #checked = new Set<ValueType>();

  /** @param named Types that have a name; those that are named here are added. */
  constructor(named: Set<object>, steps: Steps) {
    this.#named = named;
    this.#steps = steps;
  }

  /** Whether all that it mentions has a name; the types that it names itself have one then. */
  register(extern: Extern): boolean {
    this.#steps.take();
    if (extern.kind === 'func') return this.#isFuncVisible(extern.type);
    if (extern.kind === 'instance') {
      return [...extern.type.exports.values()].every((each) => this.register(each));
    }
    if (extern.kind !== 'type') return true;
    if (!this.#isTypeVisible(extern.type)) return false;
    this.#named.add(extern.type);
    return true;
  }

  #isTypeVisible(type: TypeItem): boolean {
    if (type.kind === 'func') return this.#isFuncVisible(type);
    if (type.kind === 'instance') return this.#isInstanceVisible(type);
    return isValueType(type) ? this.#arePartsNamed(type) : true;
  }

  /** Without giving anything a name: it is a type, and no instance. */
  #isInstanceVisible(type: InstanceType): boolean {
    const inside = new Visibility(new Set(this.#named), this.#steps);
    return inside.register({ kind: 'instance', type });
  }

  #isFuncVisible({ params, result }: FuncType): boolean {
    const types = [...params.map(({ type }) => type), ...(result === undefined ? [] : [result])];
    return types.every((type) => this.#isNamed(type));
  }

  #isNamed(type: ValueType): boolean {
    return nominal.has(type.kind) ? this.#named.has(type) : this.#arePartsNamed(type);
  }

  #arePartsNamed(type: ValueType): boolean {
    if (this.#checked.has(type)) return true;
    this.#steps.take();
    if ('resource' in type) return this.#named.has(type.resource);
    if (!partsOf(type).every((part) => this.#isNamed(part))) return false;
    this.#checked.add(type);
    return true;
  }
}
