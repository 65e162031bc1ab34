/** Definitions of types of values and functions → types. */
import type { FuncDefinition, ValueDefinition, ValueReference } from './definitions.ts';
import { isValueType, type TypeItem } from './externs.ts';
import { type ComponentLimits, quoteName, refuseComponent } from './limits.ts';
import { isLabel } from './names.ts';
import { type FuncType, Layouts, partsOf, type ResourceType, type ValueType } from './types.ts';

/** What types a definition may name. */
export type FindType = (index: number) => TypeItem;

/** More bytes no value has (component-model, Binary.md, notes on `type`). */
const valueBytesMax = 2 ** 28;
const flagsMax = 32;

/** What must be there to tell whether a type is good, besides itself. */
export class TypeFacts {
  readonly #limits: ComponentLimits;
  /** With pointers of 64 bits, as the specification measures. */
  readonly #wide = new Layouts(8);
  readonly #depths = new Map<ValueType, number>();
  readonly #borrowing = new Map<ValueType, boolean>();

  constructor(limits: ComponentLimits) {
    this.#limits = limits;
  }

  /** @throws TerrafirmaError `module-refused` for one that is too large, or too deep */
  requireBounded(type: ValueType, offset: number): void {
    const depth = this.#depthOf(type);
    const { typeLevelsMax } = this.#limits;
    if (depth > typeLevelsMax) {
      throw refuseComponent(`types are nested at most ${typeLevelsMax} deep`, 'more', offset);
    }
    const { size } = this.#wide.of(type);
    if (size < valueBytesMax) return;
    throw refuseComponent(`values have fewer than ${valueBytesMax} bytes`, `${size}`, offset);
  }

  hasBorrow(type: ValueType): boolean {
    const known = this.#borrowing.get(type);
    if (known !== undefined) return known;
    const has = type.kind === 'borrow' || partsOf(type).some((part) => this.hasBorrow(part));
    this.#borrowing.set(type, has);
    return has;
  }

  #depthOf(type: ValueType): number {
    const known = this.#depths.get(type);
    if (known !== undefined) return known;
    const depth = 1 + Math.max(0, ...partsOf(type).map((part) => this.#depthOf(part)));
    this.#depths.set(type, depth);
    return depth;
  }
}

export class TypeBuilder {
  readonly #find: FindType;
  readonly #offset: number;

  constructor(find: FindType, offset: number) {
    this.#find = find;
    this.#offset = offset;
  }

  value(reference: ValueReference): ValueType {
    if (typeof reference === 'string') return { kind: reference };
    const type = this.#find(reference);
    if (isValueType(type)) return type;
    throw this.#refuse('a type of a value is expected', `type ${reference}`);
  }

  optional(reference: ValueReference | undefined): ValueType | undefined {
    return reference === undefined ? undefined : this.value(reference);
  }

  resource(index: number): ResourceType {
    const type = this.#find(index);
    if (type.kind === 'resource') return type;
    throw this.#refuse('a resource type is expected', `type ${index}`);
  }

  func({ isAsync, params, result }: FuncDefinition, facts: TypeFacts): FuncType {
    this.#requireLabels(params.map(({ name }) => name));
    const type: FuncType = {
      kind: 'func',
      isAsync,
      params: params.map(({ name, type: reference }) => ({ name, type: this.value(reference) })),
      result: this.optional(result),
    };
    if (type.result === undefined || !facts.hasBorrow(type.result)) return type;
    throw this.#refuse('a function does not answer what it only borrows', 'a borrow');
  }

  define(definition: ValueDefinition, facts: TypeFacts): ValueType {
    switch (definition.kind) {
      case 'primitive':
        return { kind: definition.type };
      case 'record': {
        this.#requireLabels(definition.fields.map(({ name }) => name));
        this.#requireSome(definition.fields, 'record');
        const { fields } = definition;
        return { kind: 'record', fields: fields.map(({ name, type }) => this.#field(name, type)) };
      }
      case 'variant': {
        this.#requireLabels(definition.cases.map(({ name }) => name));
        this.#requireSome(definition.cases, 'variant');
        const cases = definition.cases.map(({ name, type }) => ({
          name,
          type: this.optional(type),
        }));
        return { kind: 'variant', cases };
      }
      case 'tuple':
        this.#requireSome(definition.items, 'tuple');
        return { kind: 'tuple', items: definition.items.map((item) => this.value(item)) };
      case 'flags':
      case 'enum':
        return this.#labels(definition.kind, definition.labels);
      case 'own':
      case 'borrow':
        return { kind: definition.kind, resource: this.resource(definition.resource) };
      case 'stream':
      case 'future':
        return this.#end(definition.kind, this.optional(definition.element), facts);
      default:
        return this.#defineContainer(definition);
    }
  }

  #defineContainer(
    definition: Extract<ValueDefinition, { kind: 'list' | 'map' | 'option' | 'result' }>,
  ): ValueType {
    switch (definition.kind) {
      case 'list':
        return { kind: 'list', element: this.value(definition.element) };
      case 'map': {
        const key = this.value(definition.key);
        if (!keyKinds.has(key.kind)) throw this.#refuse('maps have plain keys', key.kind);
        return { kind: 'map', key, value: this.value(definition.value) };
      }
      case 'option':
        return { kind: 'option', some: this.value(definition.some) };
      default: {
        const [ok, error] = [definition.ok, definition.error].map((each) => this.optional(each));
        return { kind: 'result', ok, error };
      }
    }
  }

  #field(name: string, reference: ValueReference): { name: string; type: ValueType } {
    return { name, type: this.value(reference) };
  }

  #labels(kind: 'flags' | 'enum', labels: readonly string[]): ValueType {
    this.#requireLabels(labels);
    this.#requireSome(labels, kind);
    if (kind === 'flags' && labels.length > flagsMax) {
      throw this.#refuse(`there are at most ${flagsMax} flags`, `${labels.length}`);
    }
    return { kind, labels };
  }

  #end(kind: 'stream' | 'future', element: ValueType | undefined, facts: TypeFacts): ValueType {
    if (element !== undefined && facts.hasBorrow(element)) {
      throw this.#refuse(`a ${kind} carries nothing that is only borrowed`, 'a borrow');
    }
    if (kind === 'stream' && element?.kind === 'char') {
      throw this.#refuse('a stream carries bytes in place of characters', 'char');
    }
    return { kind, element };
  }

  #requireSome(members: readonly unknown[], kind: string): void {
    if (members.length === 0) throw this.#refuse(`a ${kind} has members`, 'none');
  }

  #requireLabels(labels: readonly string[]): void {
    const seen = new Set<string>();
    for (const label of labels) {
      if (!isLabel(label)) throw this.#refuse('labels are words joined by `-`', quoteName(label));
      const key = label.toLowerCase();
      if (seen.has(key)) throw this.#refuse('labels differ by more than case', quoteName(label));
      seen.add(key);
    }
  }

  #refuse(rule: string, received: string): Error {
    return refuseComponent(rule, received, this.#offset);
  }
}

const keyKinds: ReadonlySet<string> = new Set([
  'bool',
  's8',
  'u8',
  's16',
  'u16',
  's32',
  'u32',
  's64',
  'u64',
  'char',
  'string',
]);
