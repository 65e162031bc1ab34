/** The type sections of a component, core and other. */
import { readLimits, TypeReader } from '../binary/types.ts';
import type { CompositeType } from '../shape.ts';
import { type ComponentReader, primitiveOf, refuseGated, unknownByte } from './bytes.ts';
import type {
  CoreExternDefinition,
  CoreTypeDefinition,
  Definition,
  ExternDefinition,
  FuncDefinition,
  ModuleDeclaration,
  NamedValue,
  Placed,
  TypeDefinition,
  ValueReference,
} from './definitions.ts';
import { refuseComponent } from './limits.ts';

export class TypeDecoder {
  readonly #in: ComponentReader;
  readonly #readAlias: () => Definition;
  #depth = 0;

  /** @param readAlias For those in types of components and instances. */
  constructor(input: ComponentReader, readAlias: () => Definition) {
    this.#in = input;
    this.#readAlias = readAlias;
  }

  readCoreType(): CoreTypeDefinition {
    const { reader, counts } = this.#in;
    const offset = reader.pos;
    counts.count('types', offset);
    if (reader.peekByte() !== 0x50) return { kind: 'plain', type: this.#readPlainCoreType() };
    reader.readByte();
    const declarations = this.#in.list('declarations', () => this.#readModuleDeclaration());
    return { kind: 'module', declarations };
  }

  /** A function type: others would be objects of the collector. */
  #readPlainCoreType(): CompositeType {
    const { reader } = this.#in;
    const offset = reader.pos;
    const first = reader.peekByte();
    if (first === 0x00 || (first >= 0x4e && first <= 0x5f)) {
      throw refuseGated('a core type that is no function', offset);
    }
    if (first !== 0x60) throw unknownByte('core types', first, offset);
    const types: CompositeType[] = [];
    const typeReader = new TypeReader(reader);
    typeReader.readTypeEntry(types, 1);
    const [type] = types;
    if (type === undefined || typeReader.usesConcreteReferences) {
      throw refuseGated('references to types', offset);
    }
    return type;
  }

  #readModuleDeclaration(): ModuleDeclaration & Placed {
    const { reader } = this.#in;
    const offset = reader.pos;
    const kind = reader.readByte();
    switch (kind) {
      case 0x00: {
        const module = this.#in.name();
        const name = this.#in.name();
        return { kind: 'import', module, name, extern: this.#readCoreExtern(), offset };
      }
      case 0x01: {
        if (reader.peekByte() === 0x50) throw unknownByte('types in modules', 0x50, offset);
        return { kind: 'type', type: this.#readPlainCoreType(), offset };
      }
      case 0x02: {
        const [sort, target] = [reader.readByte(), reader.readByte()];
        if (sort !== 0x10 || target !== 0x01) throw unknownByte('aliases', sort, offset);
        return { kind: 'outer-type', count: reader.readU32(), index: reader.readU32(), offset };
      }
      case 0x03: {
        const name = this.#in.name();
        return { kind: 'export', name, extern: this.#readCoreExtern(), offset };
      }
      default:
        throw unknownByte('declarations of modules', kind, offset);
    }
  }

  #readCoreExtern(): CoreExternDefinition {
    const { reader } = this.#in;
    const offset = reader.pos;
    const kind = reader.readByte();
    switch (kind) {
      case 0x00:
        return { kind: 'func', type: reader.readU32() };
      case 0x01: {
        const element = new TypeReader(reader).readValueType();
        return { kind: 'table', element, limits: readLimits(reader) };
      }
      case 0x02:
        return { kind: 'memory', limits: readLimits(reader) };
      case 0x03: {
        const type = new TypeReader(reader).readValueType();
        return { kind: 'global', type, isMutable: this.#in.flag('mutability') };
      }
      case 0x04: {
        if (reader.readByte() !== 0) throw unknownByte('tags', kind, offset);
        return { kind: 'tag', type: reader.readU32() };
      }
      default:
        throw unknownByte('core imports and exports', kind, offset);
    }
  }

  readType(): TypeDefinition {
    const { reader, counts } = this.#in;
    const offset = reader.pos;
    counts.count('types', offset);
    const byte = reader.readByte();
    const primitive = primitiveOf(byte);
    if (primitive !== undefined) return { kind: 'primitive', type: primitive };
    if (byte === 0x40 || byte === 0x43) return this.#readFunc(byte === 0x43);
    if (byte === 0x3f) return this.#readResource(offset);
    if (byte === 0x41 || byte === 0x42) return this.#readScope(byte, offset);
    return this.#readCompound(byte, offset);
  }

  #readCompound(byte: number, offset: number): TypeDefinition {
    const input = this.#in;
    const value = (): ValueReference => input.valueType();
    const labels = (): string[] => input.list('labels', () => input.name());
    switch (byte) {
      case 0x72:
        return { kind: 'record', fields: this.#readFields('fields') };
      case 0x71:
        return { kind: 'variant', cases: input.list('cases', () => this.#readCase()) };
      case 0x70:
        return { kind: 'list', element: value() };
      case 0x6f:
        return { kind: 'tuple', items: input.list('items', value) };
      case 0x6e:
        return { kind: 'flags', labels: labels() };
      case 0x6d:
        return { kind: 'enum', labels: labels() };
      case 0x6b:
        return { kind: 'option', some: value() };
      case 0x6a:
        return { kind: 'result', ok: input.optional(value), error: input.optional(value) };
      case 0x69:
        return { kind: 'own', resource: input.reader.readU32() };
      case 0x68:
        return { kind: 'borrow', resource: input.reader.readU32() };
      case 0x66:
        return { kind: 'stream', element: input.optional(value) };
      case 0x65:
        return { kind: 'future', element: input.optional(value) };
      case 0x63:
        return { kind: 'map', key: value(), value: value() };
      case 0x67:
        throw refuseGated('a list of fixed length', offset);
      case 0x64:
        throw refuseGated('error-context', offset);
      default:
        throw unknownByte('types', byte, offset);
    }
  }

  #readFields(what: string): NamedValue[] {
    const input = this.#in;
    return input.list(what, () => ({ name: input.name(), type: input.valueType() }));
  }

  #readCase(): NamedValue<ValueReference | undefined> {
    const input = this.#in;
    const name = input.name();
    const type = input.optional(() => input.valueType());
    const offset = input.reader.pos;
    const refines = input.reader.readByte();
    if (refines !== 0) throw unknownByte('ends of cases', refines, offset);
    return { name, type };
  }

  #readFunc(isAsync: boolean): FuncDefinition {
    const params = this.#readFields('parameters');
    return { kind: 'func', isAsync, params, result: this.readResult() };
  }

  /** The result of a function; undefined where it has none. */
  readResult(): ValueReference | undefined {
    const { reader } = this.#in;
    const offset = reader.pos;
    const form = reader.readByte();
    if (form === 0) return this.#in.valueType();
    const end = form === 1 ? reader.readByte() : form;
    if (form !== 1 || end !== 0) throw unknownByte('lists of results', end, offset);
    return undefined;
  }

  #readResource(offset: number): TypeDefinition {
    const { reader } = this.#in;
    const representation = reader.readByte();
    if (representation !== 0x7f) {
      throw refuseComponent('resources are represented as i32', 'another type', offset);
    }
    return { kind: 'resource', destructor: this.#in.optional(() => reader.readU32()) };
  }

  #readScope(byte: number, offset: number): TypeDefinition {
    const { counts } = this.#in;
    this.#depth += 1;
    counts.requireDepth('typeLevelsMax', this.#depth, offset);
    const { typesMax } = counts.limits;
    const isComponent = byte === 0x41;
    const definitions = this.#in.list('decls', () => this.#readDeclaration(isComponent), typesMax);
    this.#depth -= 1;
    return { kind: isComponent ? 'component' : 'instance', definitions };
  }

  #readDeclaration(isComponent: boolean): Definition {
    const { reader } = this.#in;
    const offset = reader.pos;
    const kind = reader.readByte();
    switch (kind) {
      case 0x00:
        return { kind: 'core type', type: this.readCoreType(), offset };
      case 0x01:
        return { kind: 'type', type: this.readType(), offset };
      case 0x02:
        return this.#readAlias();
      case 0x04: {
        const name = this.#in.declaredName();
        return { kind: 'export type', name, extern: this.readExtern(), offset };
      }
      default: {
        if (kind !== 0x03 || !isComponent) throw unknownByte('declarations', kind, offset);
        const name = this.#in.declaredName();
        return { kind: 'import', name, extern: this.readExtern(), offset };
      }
    }
  }

  readExtern(): ExternDefinition {
    const { reader } = this.#in;
    const offset = reader.pos;
    const kind = reader.readByte();
    switch (kind) {
      case 0x00: {
        const sort = reader.readByte();
        if (sort !== 0x11) throw unknownByte('core imports and exports', sort, offset);
        return { kind: 'core module', type: reader.readU32() };
      }
      case 0x01:
        return { kind: 'func', type: reader.readU32() };
      case 0x02:
        throw refuseGated('a value', offset);
      case 0x03: {
        const isFresh = this.#in.flag('bounds of types');
        return { kind: 'type', equal: isFresh ? undefined : reader.readU32() };
      }
      case 0x04:
        return { kind: 'component', type: reader.readU32() };
      case 0x05:
        return { kind: 'instance', type: reader.readU32() };
      default:
        throw unknownByte('imports and exports', kind, offset);
    }
  }
}
