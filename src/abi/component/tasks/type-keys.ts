/** Numbers for types, equal where the types are: two definitions may say the same. */
import type { ResourceType, ValueType } from '../../../wasm/component/types.ts';

export class TypeKeys {
  readonly #identityOf: (resource: ResourceType) => number;
  readonly #known = new Map<ValueType, number>();
  /** Description in terms of other numbers → number. */
  readonly #numbers = new Map<string, number>();

  constructor(identityOf: (resource: ResourceType) => number) {
    this.#identityOf = identityOf;
  }

  /** 0 where there is no type. */
  of(type: ValueType | undefined): number {
    if (type === undefined) return 0;
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const description = JSON.stringify([type.kind, this.#describe(type)]);
    const number = this.#numbers.get(description) ?? this.#numbers.size + 1;
    this.#numbers.set(description, number);
    this.#known.set(type, number);
    return number;
  }

  #describe(type: ValueType): unknown {
    switch (type.kind) {
      case 'record':
        return type.fields.map((field) => [field.name, this.of(field.type)]);
      case 'variant':
        return type.cases.map((each) => [each.name, this.of(each.type)]);
      case 'tuple':
        return type.items.map((item) => this.of(item));
      case 'list':
      case 'stream':
      case 'future':
        return this.of(type.element);
      case 'map':
        return [this.of(type.key), this.of(type.value)];
      case 'flags':
      case 'enum':
        return type.labels;
      case 'option':
        return this.of(type.some);
      case 'result':
        return [this.of(type.ok), this.of(type.error)];
      case 'own':
      case 'borrow':
        return this.#identityOf(type.resource);
      default:
        return 0;
    }
  }
}
