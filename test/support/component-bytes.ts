/**
 * Makes components for tests: a core module in text form that imports functions of WASI by their
 * own names, and memory from `libc`, becomes a component with all types of the interfaces that it
 * names. Written by hand, byte by byte, so that nothing but the format stands between.
 */
import { Interfaces, type KnownInterface } from '../../src/abi/component/interfaces.ts';
import { ByteWriter } from '../../src/wasm/binary/writer.ts';
import { compatibleName } from '../../src/wasm/component/names.ts';
import {
  type FuncType,
  hasPointers,
  primitives,
  type ResourceType,
  type ValueType,
} from '../../src/wasm/component/types.ts';
import { assemble } from '../wasm/support/assemble.ts';

export const preamble = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

/** A section: its number, its length, its contents. */
export function section(id: number, contents: readonly number[]): number[] {
  return [id, ...leb(contents.length), ...contents];
}

/** A section that is a list. */
export function list(id: number, entries: readonly (readonly number[])[]): number[] {
  return section(id, [...leb(entries.length), ...entries.flat()]);
}

export function name(text: string): number[] {
  const writer = new ByteWriter();
  writer.writeName(text);
  return [...writer.finish()];
}

export function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

/** The index of a type as a value type: signed, so that 64 and more need two bytes. */
function typeRef(index: number): number[] {
  return index < 64 ? [index] : [(index % 128) + 128, Math.floor(index / 128)];
}

export function component(...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...preamble, ...sections.flat()]);
}

/** Types, each defined once in a scope. */
class TypeSpace {
  readonly #known = new Map<object, number>();
  readonly #outer: TypeSpace | undefined;
  readonly #emit: (kind: 'type' | 'alias', bytes: readonly number[]) => void;
  count = 0;

  constructor(emit: (kind: 'type' | 'alias', bytes: readonly number[]) => void, outer?: TypeSpace) {
    this.#emit = emit;
    this.#outer = outer;
  }

  /** The type has the next index. */
  note(type: object): number {
    this.#known.set(type, this.count);
    this.count += 1;
    return this.count - 1;
  }

  find(type: object): number | undefined {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const outer = this.#outer?.find(type);
    if (outer === undefined) return undefined;
    this.#emit('alias', [0x03, 0x02, 0x01, ...leb(outer)]);
    return this.note(type);
  }

  define(bytes: readonly number[], type: object): number {
    this.#emit('type', bytes);
    return this.note(type);
  }

  resource(type: ResourceType): number {
    const index = this.find(type);
    if (index === undefined) throw new TypeError('Cannot encode: a resource that nobody named');
    return index;
  }

  /** As it stands where a value type is wanted. */
  value(type: ValueType): number[] {
    const primitive = (primitives as readonly string[]).indexOf(type.kind);
    if (primitive !== -1) return [0x7f - primitive];
    return typeRef(this.find(type) ?? this.define(this.#encode(type), type));
  }

  /** The number of a type that is defined. */
  index(type: ValueType): number {
    return this.find(type) ?? this.define(this.#encode(type), type);
  }

  func({ params, result, isAsync }: FuncType): number {
    const encoded = params.map((param) => [...name(param.name), ...this.value(param.type)]);
    const answer = result === undefined ? [0x01, 0x00] : [0x00, ...this.value(result)];
    const kind = isAsync ? 0x43 : 0x40;
    return this.define([kind, ...leb(encoded.length), ...encoded.flat(), ...answer], {});
  }

  #optional(type: ValueType | undefined): number[] {
    return type === undefined ? [0x00] : [0x01, ...this.value(type)];
  }

  #encode(type: ValueType): number[] {
    switch (type.kind) {
      case 'record': {
        const fields = type.fields.map((field) => [...name(field.name), ...this.value(field.type)]);
        return [0x72, ...leb(fields.length), ...fields.flat()];
      }
      case 'variant': {
        const cases = type.cases.map((each) => [
          ...name(each.name),
          ...this.#optional(each.type),
          0x00,
        ]);
        return [0x71, ...leb(cases.length), ...cases.flat()];
      }
      case 'list':
        return [0x70, ...this.value(type.element)];
      case 'tuple':
        return [0x6f, ...leb(type.items.length), ...type.items.flatMap((item) => this.value(item))];
      case 'flags':
      case 'enum': {
        const labels = type.labels.flatMap(name);
        return [type.kind === 'flags' ? 0x6e : 0x6d, ...leb(type.labels.length), ...labels];
      }
      case 'option':
        return [0x6b, ...this.value(type.some)];
      case 'result':
        return [0x6a, ...this.#optional(type.ok), ...this.#optional(type.error)];
      case 'stream':
      case 'future':
        return [type.kind === 'stream' ? 0x66 : 0x65, ...this.#optional(type.element)];
      case 'own':
      case 'borrow':
        return [type.kind === 'own' ? 0x69 : 0x68, ...leb(this.resource(type.resource))];
      default:
        throw new TypeError(`Cannot encode ${type.kind}`);
    }
  }
}

/** As toolchains name the canonical built-in that drops a handle. */
const dropPrefix = '[resource-drop]';
/** The function is lowered so that it answers before it is done. */
const asyncPrefix = '[async-lower]';
const structural: ReadonlySet<string> = new Set(['record', 'variant', 'flags', 'enum', 'resource']);

/** An instance type with all types of an interface, and some of its functions. */
function instanceType(
  known: KnownInterface,
  wanted: {
    readonly functions: readonly string[];
    readonly outer: TypeSpace;
    readonly isSeparate: boolean;
    readonly typeOf: (name: string) => FuncType | undefined;
  },
) {
  const { functions, outer, isSeparate, typeOf } = wanted;
  const declarations: number[][] = [];
  const own = new TypeSpace((kind, bytes) => {
    declarations.push([kind === 'type' ? 0x01 : 0x02, ...bytes]);
  }, outer);
  const exported: string[] = [];
  const declare = (text: string, extern: readonly number[]): void => {
    declarations.push([0x04, 0x00, ...name(text), ...extern]);
  };
  for (const [text, type] of known.types) {
    if (!structural.has(type.kind)) continue;
    exported.push(text);
    if (type.kind === 'resource' && (isSeparate || own.find(type) === undefined)) {
      declare(text, [0x03, 0x01]);
      own.note(type);
      continue;
    }
    const isAlias = type.kind === 'resource';
    if (type.kind !== 'resource') own.value(type);
    declare(text, [0x03, 0x00, ...leb(own.find(type) ?? 0)]);
    // Other names of a resource are its aliases: its methods have the first.
    own.note(isAlias ? {} : type);
  }
  for (const text of new Set(functions.map((each) => each.replace(asyncPrefix, '')))) {
    if (text.startsWith(dropPrefix)) continue;
    const type = typeOf(text);
    if (type === undefined) throw new TypeError(`Cannot encode: ${known.name} has no ${text}`);
    declare(text, [0x01, ...leb(own.func(type))]);
  }
  return { bytes: [0x42, ...leb(declarations.length), ...declarations.flat()], exported };
}

export interface TypeFinder {
  /** The number of a type, which is defined where it was not. */
  index(type: ValueType): number;
  /** As it stands where a value type is wanted. */
  value(type: ValueType): readonly number[];
  /** A function of an interface. */
  func(from: string, name: string): FuncType;
}

/** As canonical definitions say it: UTF-8, memory 0, function 0 as allocator, and maybe async. */
export const plainOptions = [0x02, 0x03, 0x00, 0x04, 0x00];
export const asyncOptions = [0x03, 0x03, 0x00, 0x04, 0x00, 0x06];

export interface ComponentOptions {
  /** Core module, in text form where the assembler of tests knows what it has. */
  readonly wat: string | Uint8Array;
  /** Interfaces in dependency order, with the functions that are wanted of each. */
  readonly imports: Readonly<Record<string, readonly string[]>>;
  /** The interface and function that it exports: its core function has the function's name. */
  readonly exports: readonly [string, string];
  /** The export answers by `task.return`; `callback`: by which function it is called back. */
  readonly async?: { readonly callback?: string };
  /** Built-in functions, by the names that the module imports them with from `canon`. */
  readonly canons?: (types: TypeFinder) => Readonly<Record<string, readonly number[]>>;
  /** A component within, without imports; the module imports `entry` of it from `nested`. */
  readonly nested?: {
    readonly bytes: Uint8Array;
    /** The instance that it exports, and the function of that. */
    readonly exports: readonly [string, string];
  };
  /** In place of the memory and allocator that every guest here has. */
  readonly libc?: string;
  /** In place of the types that functions have here: `interface#function` → type. */
  readonly importTypes?: Readonly<Record<string, FuncType>>;
  /** In place of the type that the export has here. */
  readonly exportType?: FuncType;
  /** The core function that is called after the export. */
  readonly postReturn?: string;
  /**
   * The function of libc that destroys a resource of the component's own. The guest imports `new`,
   * `drop` and `rep` of it from `own`.
   */
  readonly destructor?: string;
  /** Left out: new ones; types of others are not theirs. */
  readonly interfaces?: Interfaces;
  /** Interfaces that have resources of their own, whatever others had before. */
  readonly separate?: readonly string[];
}

/** One page, and an allocator that only goes on; `realloc_at` says where it begins. */
export const libc = `(module
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 65536))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get 2))))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at)))`;

/** See the head of this file. */
export function makeComponent(options: ComponentOptions): Uint8Array<ArrayBuffer> {
  const { interfaces = new Interfaces() } = options;
  const sections: number[][] = [];
  const types = new TypeSpace((kind, bytes) => {
    sections.push(list(kind === 'type' ? 7 : 6, [bytes]));
  });
  const module = (wat: string | Uint8Array): number[] =>
    section(1, [...(typeof wat === 'string' ? assemble(wat) : wat)]);
  sections.push(module(options.libc ?? libc), list(2, [[0x00, 0x00, 0x00]]));
  sections.push(
    list(6, [
      [0x00, 0x02, 0x01, 0x00, ...name('memory')],
      [0x00, 0x00, 0x01, 0x00, ...name('realloc')],
    ]),
  );
  const bags: { readonly from: string; readonly functions: readonly string[]; first: number }[] =
    [];
  let funcs = 0;
  let coreFuncs = 1;
  let instances = 0;
  if (options.destructor !== undefined) {
    const type = types.note({});
    sections.push(
      list(6, [[0x00, 0x00, 0x01, 0x00, ...name(options.destructor)]]),
      list(7, [[0x3f, 0x7f, 0x01, ...leb(coreFuncs)]]),
      list(
        8,
        [0x02, 0x03, 0x04].map((each) => [each, ...leb(type)]),
      ),
    );
    bags.push({ from: 'own', functions: ['new', 'drop', 'rep'], first: coreFuncs + 1 });
    coreFuncs += 4;
  }
  for (const [from, functions] of Object.entries(options.imports)) {
    const known = interfaces.imports.get(compatibleName(from));
    if (known === undefined) throw new TypeError(`Cannot encode: no interface ${from}`);
    const { bytes, exported } = instanceType(known, {
      functions,
      outer: types,
      isSeparate: options.separate?.includes(from) === true,
      typeOf: (text) => options.importTypes?.[`${from}#${text}`] ?? known.functions.get(text)?.type,
    });
    const index = types.define(bytes, {});
    sections.push(list(10, [[0x00, ...name(from), 0x05, ...leb(index)]]));
    for (const text of exported) {
      sections.push(list(6, [[0x03, 0x00, ...leb(instances), ...name(text)]]));
      const type = known.types.get(text) ?? {};
      types.note(types.find(type) === undefined ? type : {});
    }
    bags.push({ from, functions, first: coreFuncs });
    for (const text of functions) {
      coreFuncs += 1;
      const dropped = known.types.get(text.replace(dropPrefix, ''));
      if (text.startsWith(dropPrefix) && dropped?.kind === 'resource') {
        sections.push(list(8, [[0x03, ...leb(types.resource(dropped))]]));
        continue;
      }
      const plain = text.replace(asyncPrefix, '');
      sections.push(list(6, [[0x01, 0x00, ...leb(instances), ...name(plain)]]));
      const how = plain === text ? plainOptions : asyncOptions;
      sections.push(list(8, [[0x01, 0x00, ...leb(funcs), ...how]]));
      funcs += 1;
    }
    instances += 1;
  }
  if (options.nested !== undefined) {
    const { bytes, exports } = options.nested;
    const [owner, entry] = exports;
    sections.push(
      section(4, [...bytes]),
      list(5, [[0x00, 0x00, 0x00]]),
      list(6, [[0x05, 0x00, ...leb(instances), ...name(owner)]]),
      list(6, [[0x01, 0x00, ...leb(instances + 1), ...name(entry)]]),
      list(8, [[0x01, 0x00, ...leb(funcs), ...plainOptions]]),
    );
    bags.push({ from: 'nested', functions: [entry], first: coreFuncs });
    coreFuncs += 1;
    funcs += 1;
    instances += 2;
  }
  const func = (from: string, text: string): FuncType => {
    const found = interfaces.imports.get(compatibleName(from))?.functions.get(text)?.type;
    if (found === undefined) throw new TypeError(`Cannot encode: no function ${from}#${text}`);
    return found;
  };
  const finder: TypeFinder = {
    index: (type) => types.index(type),
    value: (type) => types.value(type),
    func,
  };
  const canons = Object.entries(options.canons?.(finder) ?? {});
  if (canons.length > 0) {
    bags.push({ from: 'canon', functions: canons.map(([text]) => text), first: coreFuncs });
    for (const [, bytes] of canons) sections.push(list(8, [bytes]));
    coreFuncs += canons.length;
  }
  // Core instances: libc, then a bag for each interface, then the guest.
  for (const { functions, first } of bags) {
    const entries = functions.map((text, at) => [...name(text), 0x00, ...leb(first + at)]);
    sections.push(list(2, [[0x01, ...leb(entries.length), ...entries.flat()]]));
  }
  sections.push(module(options.wat));
  const args = [
    [...name('libc'), 0x12, 0x00],
    ...bags.map(({ from }, at) => [...name(from), 0x12, ...leb(at + 1)]),
  ];
  sections.push(list(2, [[0x00, 0x01, ...leb(args.length), ...args.flat()]]));
  const [owner, entry] = options.exports;
  const known = interfaces.exports.get(compatibleName(owner))?.functions.get(entry)?.type;
  const type = options.exportType ?? known;
  if (type === undefined) throw new TypeError(`Cannot encode: no export ${owner}#${entry}`);
  const entryFunc = coreFuncs;
  const aliasFunc = (text: string): number => {
    sections.push(list(6, [[0x00, 0x00, 0x01, ...leb(bags.length + 1), ...name(text)]]));
    coreFuncs += 1;
    return coreFuncs - 1;
  };
  aliasFunc(entry);
  const typeIndex = types.func(type);
  const needsMemory = type.params.some((param) => hasPointers(param.type));
  const opts: number[][] = [];
  if (needsMemory || options.async !== undefined) opts.push([0x03, 0x00], [0x04, 0x00]);
  if (options.postReturn !== undefined) {
    opts.push([0x05, ...leb(aliasFunc(options.postReturn))]);
  }
  if (options.async !== undefined) opts.push([0x06]);
  if (options.async?.callback !== undefined) {
    opts.push([0x07, ...leb(aliasFunc(options.async.callback))]);
  }
  const lifted = [0x00, 0x00, ...leb(entryFunc), ...leb(opts.length), ...opts.flat()];
  sections.push(list(8, [[...lifted, ...leb(typeIndex)]]));
  sections.push(list(5, [[0x01, 0x01, 0x00, ...name(entry), 0x01, ...leb(funcs)]]));
  sections.push(list(11, [[0x00, ...name(owner), 0x05, ...leb(instances), 0x00]]));
  return component(...sections);
}
