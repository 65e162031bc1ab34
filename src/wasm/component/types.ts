/**
 * Types of values that components exchange, and how they lie in memory and among parameters
 * (component-model, CanonicalABI.md: "Alignment", "Element Size", "Flattening"). Types are shared:
 * a tuple of a tuple of itself twice has few nodes and many values. So nothing here walks a type
 * without remembering what it has seen.
 */

export const primitives = [
  'bool',
  's8',
  'u8',
  's16',
  'u16',
  's32',
  'u32',
  's64',
  'u64',
  'f32',
  'f64',
  'char',
  'string',
] as const;

export type Primitive = (typeof primitives)[number];

/** Equal where `id` is; another object with the same `id` is an alias of it. */
export interface ResourceType {
  readonly kind: 'resource';
  readonly id: number;
}

export interface Field {
  readonly name: string;
  readonly type: ValueType;
}

export interface Case {
  readonly name: string;
  readonly type: ValueType | undefined;
}

export type ValueType =
  | { readonly kind: Primitive }
  | { readonly kind: 'record'; readonly fields: readonly Field[] }
  | { readonly kind: 'variant'; readonly cases: readonly Case[] }
  | { readonly kind: 'list'; readonly element: ValueType }
  | { readonly kind: 'map'; readonly key: ValueType; readonly value: ValueType }
  | { readonly kind: 'tuple'; readonly items: readonly ValueType[] }
  | { readonly kind: 'flags' | 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly some: ValueType }
  | {
      readonly kind: 'result';
      readonly ok: ValueType | undefined;
      readonly error: ValueType | undefined;
    }
  | { readonly kind: 'own' | 'borrow'; readonly resource: ResourceType }
  | { readonly kind: 'stream' | 'future'; readonly element: ValueType | undefined };

export interface FuncType {
  readonly kind: 'func';
  readonly isAsync: boolean;
  readonly params: readonly Field[];
  readonly result: ValueType | undefined;
}

/** As core WebAssembly passes a value. */
export type FlatType = 'i32' | 'i64' | 'f32' | 'f64';

export interface Layout {
  readonly size: number;
  readonly align: number;
  /** Core values that it is passed as. */
  readonly flatCount: number;
}

/** Parameters and results that a core function has at most, before a pointer takes their place. */
export const flatParamsMax = 16;
export const flatAsyncParamsMax = 4;
export const flatResultsMax = 1;

const scalars: Readonly<Record<Exclude<Primitive, 'string'>, readonly [number, FlatType]>> = {
  bool: [1, 'i32'],
  s8: [1, 'i32'],
  u8: [1, 'i32'],
  s16: [2, 'i32'],
  u16: [2, 'i32'],
  s32: [4, 'i32'],
  u32: [4, 'i32'],
  s64: [8, 'i64'],
  u64: [8, 'i64'],
  f32: [4, 'f32'],
  f64: [8, 'f64'],
  char: [4, 'i32'],
};

/** The values that a value directly consists of, one after another; not those of lists. */
function membersOf(type: ValueType): readonly ValueType[] | undefined {
  if (type.kind === 'record') return type.fields.map((field) => field.type);
  return type.kind === 'tuple' ? type.items : undefined;
}

/** The payloads of a type that has one of several; undefined where it has not. */
export function payloadsOf(type: ValueType): readonly (ValueType | undefined)[] | undefined {
  if (type.kind === 'variant') return type.cases.map((each) => each.type);
  if (type.kind === 'option') return [undefined, type.some];
  if (type.kind === 'result') return [type.ok, type.error];
  return type.kind === 'enum' ? type.labels.map(() => undefined) : undefined;
}

/** All types that a type is made of. */
export function partsOf(type: ValueType): readonly ValueType[] {
  if (type.kind === 'list') return [type.element];
  if (type.kind === 'map') return [type.key, type.value];
  if (type.kind === 'stream' || type.kind === 'future') return present([type.element]);
  return membersOf(type) ?? present(payloadsOf(type) ?? []);
}

function present(types: readonly (ValueType | undefined)[]): readonly ValueType[] {
  return types.filter((type) => type !== undefined);
}

export function alignTo(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}

/** Bytes of the number that says which case a value is. */
export function discriminantBytes(caseCount: number): number {
  if (caseCount <= 256) return 1;
  return caseCount <= 65_536 ? 2 : 4;
}

/** Layouts of types, each worked out once. */
export class Layouts {
  readonly #pointerBytes: number;
  readonly #known = new Map<ValueType, Layout>();

  /** @param pointerBytes 4 for memories of 32 bits. */
  constructor(pointerBytes: 4 | 8 = 4) {
    this.#pointerBytes = pointerBytes;
  }

  of(type: ValueType): Layout {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const layout = this.#measure(type);
    this.#known.set(type, layout);
    return layout;
  }

  #measure(type: ValueType): Layout {
    const members = membersOf(type);
    if (members !== undefined) return this.#measureMembers(members);
    const payloads = payloadsOf(type);
    if (payloads !== undefined) return this.#measureCases(payloads);
    switch (type.kind) {
      case 'list':
      case 'map':
      case 'string':
        return { size: 2 * this.#pointerBytes, align: this.#pointerBytes, flatCount: 2 };
      case 'flags': {
        const size = type.labels.length <= 8 ? 1 : type.labels.length <= 16 ? 2 : 4;
        return { size, align: size, flatCount: 1 };
      }
      case 'own':
      case 'borrow':
      case 'stream':
      case 'future':
        return { size: 4, align: 4, flatCount: 1 };
      default: {
        const [size] = scalars[type.kind as keyof typeof scalars];
        return { size, align: size, flatCount: 1 };
      }
    }
  }

  #measureMembers(members: readonly ValueType[]): Layout {
    let size = 0;
    let align = 1;
    let flatCount = 0;
    for (const member of members) {
      const layout = this.of(member);
      size = alignTo(size, layout.align) + layout.size;
      align = Math.max(align, layout.align);
      flatCount += layout.flatCount;
    }
    return { size: alignTo(size, align), align, flatCount };
  }

  #measureCases(payloads: readonly (ValueType | undefined)[]): Layout {
    const discriminant = discriminantBytes(payloads.length);
    let payloadSize = 0;
    let payloadAlign = 1;
    let flatCount = 0;
    for (const payload of payloads) {
      if (payload === undefined) continue;
      const layout = this.of(payload);
      payloadSize = Math.max(payloadSize, layout.size);
      payloadAlign = Math.max(payloadAlign, layout.align);
      flatCount = Math.max(flatCount, layout.flatCount);
    }
    const align = Math.max(discriminant, payloadAlign);
    const size = alignTo(alignTo(discriminant, payloadAlign) + payloadSize, align);
    return { size, align, flatCount: flatCount + 1 };
  }
}

/** The core values that a value is passed as; only for types of few, see `Layout.flatCount`. */
export function flatten(type: ValueType): readonly FlatType[] {
  const members = membersOf(type);
  if (members !== undefined) return members.flatMap(flatten);
  const payloads = payloadsOf(type);
  if (payloads !== undefined) return ['i32', ...joinPayloads(payloads)];
  if (type.kind === 'string' || type.kind === 'list' || type.kind === 'map') return ['i32', 'i32'];
  if (type.kind in scalars) return [scalars[type.kind as keyof typeof scalars][1]];
  return ['i32'];
}

function joinPayloads(payloads: readonly (ValueType | undefined)[]): readonly FlatType[] {
  const joined: FlatType[] = [];
  for (const payload of payloads) {
    if (payload === undefined) continue;
    for (const [place, flat] of flatten(payload).entries()) {
      const before = joined[place];
      joined[place] = before === undefined ? flat : join(before, flat);
    }
  }
  return joined;
}

function join(one: FlatType, other: FlatType): FlatType {
  if (one === other) return one;
  const isNarrow = (flat: FlatType): boolean => flat === 'i32' || flat === 'f32';
  return isNarrow(one) && isNarrow(other) ? 'i32' : 'i64';
}

/** A type of core functions. */
export interface CoreSignature {
  readonly params: readonly FlatType[];
  readonly results: readonly FlatType[];
}

/** The core function that a function of components is lifted from, or lowered to. */
export function flattenFunction(
  { params, result }: Pick<FuncType, 'params' | 'result'>,
  how: {
    readonly context: 'lift' | 'lower';
    readonly isAsync: boolean;
    /** An async function without one answers nothing: it calls `task.return`. */
    readonly hasCallback?: boolean;
    readonly layouts: Layouts;
  },
): CoreSignature {
  const { context, isAsync, layouts, hasCallback = false } = how;
  const isLift = context === 'lift';
  const paramsMax = isAsync && !isLift ? flatAsyncParamsMax : flatParamsMax;
  const paramCount = params.reduce((sum, { type }) => sum + layouts.of(type).flatCount, 0);
  const flatParams: FlatType[] =
    paramCount > paramsMax ? ['i32'] : params.flatMap(({ type }) => flatten(type));
  const resultCount = result === undefined ? 0 : layouts.of(result).flatCount;
  if (isAsync) {
    if (!isLift && resultCount > 0) flatParams.push('i32');
    return { params: flatParams, results: isLift && !hasCallback ? [] : ['i32'] };
  }
  if (resultCount <= flatResultsMax) {
    return { params: flatParams, results: result === undefined ? [] : flatten(result) };
  }
  if (isLift) return { params: flatParams, results: ['i32'] };
  return { params: [...flatParams, 'i32'], results: [] };
}

/** Whether a value of that type has parts in memory wherever it is passed. */
export function hasPointers(type: ValueType, seen: Set<ValueType> = new Set()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  if (type.kind === 'string' || type.kind === 'list' || type.kind === 'map') return true;
  if (type.kind === 'stream' || type.kind === 'future') return false;
  return partsOf(type).some((part) => hasPointers(part, seen));
}
