/**
 * The bytes of a component → its definitions, in order, nested components included. Sees that the
 * binary format is kept and that nothing is more than the limits allow; what names exist and which
 * types fit is for `validate.ts`.
 */
import { ByteReader, hexByte } from '../binary/reader.ts';
import { ComponentReader, refuseGated, unknownByte } from './bytes.ts';
import { Counts } from './counts.ts';
import { CanonDecoder } from './decode-canon.ts';
import { TypeDecoder } from './decode-types.ts';
import type { ComponentDefinition, Definition, NamedReference, Placed } from './definitions.ts';
import { type ComponentLimits, defaultComponentLimits, refuseComponent } from './limits.ts';

const preambleBytes = 8;
const magic = [0x00, 0x61, 0x73, 0x6d];
const version = [0x0d, 0x00];
const layer = [0x01, 0x00];

/** Whether a file begins like a component, of whatever version. */
export function isComponent(bytes: Uint8Array): boolean {
  const begins = magic.every((byte, place) => bytes[place] === byte);
  return begins && bytes.length >= preambleBytes && bytes[6] === 1 && bytes[7] === 0;
}

/**
 * The definitions of the component in `bytes`.
 *
 * @throws TerrafirmaError `module-refused`, with the offset
 */
export function decodeComponent(
  bytes: Uint8Array,
  limits: ComponentLimits = defaultComponentLimits,
): ComponentDefinition {
  if (bytes.length > limits.bytesMax) {
    const rule = `a component has at most ${limits.bytesMax} bytes`;
    throw refuseComponent(rule, `${bytes.length}`, 0);
  }
  return readComponent(new ByteReader(bytes), new Counts(limits), 1);
}

function readComponent(reader: ByteReader, counts: Counts, depth: number): ComponentDefinition {
  const offset = reader.pos;
  counts.requireDepth('levelsMax', depth, offset);
  counts.count('components', offset);
  requirePreamble(reader);
  const definitions: Definition[] = [];
  while (reader.pos < reader.end) {
    counts.count('sections', reader.pos);
    const decoder = new SectionDecoder(reader, counts, depth);
    decoder.decode(definitions);
  }
  return { definitions, offset };
}

function requirePreamble(reader: ByteReader): void {
  const { pos: offset, bytes } = reader;
  reader.skip(preambleBytes);
  const begins = (wanted: readonly number[], at: number): boolean =>
    wanted.every((byte, place) => bytes[offset + at + place] === byte);
  if (!begins(magic, 0) || !begins(layer, 6)) {
    throw refuseComponent('it begins with the preamble of a component', 'other bytes', offset);
  }
  if (begins(version, 4)) return;
  const received = `version ${hexByte(bytes[offset + 4] ?? 0)}`;
  const rule = 'components of version 0x0d are served: build it with current tools';
  throw refuseComponent(rule, received, offset + 4);
}

/** One section. */
class SectionDecoder {
  readonly #outer: ByteReader;
  readonly #counts: Counts;
  readonly #depth: number;
  readonly #in: ComponentReader;
  readonly #id: number;
  readonly #start: number;

  constructor(outer: ByteReader, counts: Counts, depth: number) {
    this.#outer = outer;
    this.#counts = counts;
    this.#depth = depth;
    const offset = outer.pos;
    this.#id = outer.readByte();
    const length = outer.readU32();
    this.#start = outer.pos;
    if (length > outer.end - outer.pos) {
      const rule = 'sections must fit the file, which may be cut short';
      throw refuseComponent(rule, `one of ${length} bytes`, offset);
    }
    const reader = new ByteReader(outer.bytes, outer.pos, outer.pos + length);
    this.#in = new ComponentReader(reader, counts);
  }

  decode(definitions: Definition[]): void {
    const { reader } = this.#in;
    this.#outer.pos = reader.end;
    if (this.#id === 0) {
      reader.readName();
      return;
    }
    if (this.#id === 1) {
      this.#counts.count('core modules', this.#start);
      definitions.push({ kind: 'core module', offset: this.#start, end: reader.end });
      return;
    }
    if (this.#id === 4) {
      const component = readComponent(reader, this.#counts, this.#depth + 1);
      definitions.push({ kind: 'component', component, offset: this.#start });
      return;
    }
    definitions.push(...this.#readVector());
    if (reader.pos === reader.end) return;
    const received = `${reader.end - reader.pos} bytes more`;
    throw refuseComponent('a section ends with its last entry', received, reader.pos);
  }

  #readVector(): readonly Definition[] {
    const { limits } = this.#counts;
    const types = new TypeDecoder(this.#in, () => this.#readAlias());
    const canons = new CanonDecoder(this.#in, types);
    const all = (what: string, readOne: () => Definition): readonly Definition[] =>
      this.#in.list(what, readOne, limits.typesMax);
    const at = (): Placed => ({ offset: this.#in.reader.pos });
    switch (this.#id) {
      case 2:
        return all('core instances', () => this.#readCoreInstance());
      case 3:
        return all('types', () => ({ ...at(), kind: 'core type', type: types.readCoreType() }));
      case 5:
        return all('instances', () => this.#readInstance());
      case 6:
        return all('aliases', () => this.#readAlias());
      case 7:
        return all('types', () => ({ ...at(), kind: 'type', type: types.readType() }));
      case 8:
        return all('canons', () => ({ ...at(), kind: 'canon', canon: canons.readCanon() }));
      case 10:
        return all('imports', () => this.#readImport(types));
      case 11:
        return all('exports', () => this.#readExport(types));
      case 9:
        throw refuseGated('a start section', this.#start);
      case 12:
        throw refuseGated('a value section', this.#start);
      default:
        throw unknownByte('sections', this.#id, this.#start);
    }
  }

  #readCoreInstance(): Definition {
    const { reader } = this.#in;
    const offset = reader.pos;
    if (this.#in.flag('core instances')) {
      const exports = this.#in.list('exports', (): NamedReference => {
        const name = this.#in.name();
        return { name, sort: `core ${this.#in.coreSort()}`, index: reader.readU32() };
      });
      return { kind: 'core bag', exports, offset };
    }
    const module = reader.readU32();
    const args = this.#in.list('arguments', () => {
      const name = this.#in.name();
      const at = reader.pos;
      const sort = this.#in.coreSort();
      if (sort !== 'instance') {
        throw refuseComponent('core modules are given instances', `a ${sort}`, at);
      }
      return { name, instance: reader.readU32() };
    });
    return { kind: 'core instantiate', module, args, offset };
  }

  #readInstance(): Definition {
    const { reader } = this.#in;
    const offset = reader.pos;
    if (this.#in.flag('instances')) {
      const exports = this.#in.list('exports', () => ({
        ...this.#in.declaredName(),
        ...this.#in.reference(),
      }));
      return { kind: 'bag', exports, offset };
    }
    const component = reader.readU32();
    const args = this.#in.list('arguments', () => ({
      name: this.#in.name(),
      ...this.#in.reference(),
    }));
    return { kind: 'instantiate', component, args, offset };
  }

  #readAlias(): Definition {
    const { reader } = this.#in;
    const offset = reader.pos;
    const sort = this.#in.sort();
    const at = reader.pos;
    const target = reader.readByte();
    if (target === 0x02) {
      return {
        kind: 'alias outer',
        sort,
        count: reader.readU32(),
        index: reader.readU32(),
        offset,
      };
    }
    if (target > 0x02) throw unknownByte('targets of aliases', target, at);
    const instance = reader.readU32();
    const kind = target === 0x00 ? 'alias export' : 'alias core export';
    return { kind, sort, instance, name: this.#in.name(), offset };
  }

  #readImport(types: TypeDecoder): Definition {
    const { reader } = this.#in;
    const offset = reader.pos;
    this.#counts.count('imports', offset);
    const name = this.#in.declaredName();
    return { kind: 'import', name, extern: types.readExtern(), offset };
  }

  #readExport(types: TypeDecoder): Definition {
    const { reader } = this.#in;
    const offset = reader.pos;
    this.#counts.count('exports', offset);
    const name = this.#in.declaredName();
    const reference = this.#in.reference();
    const extern = this.#in.optional(() => types.readExtern());
    return { kind: 'export', name, reference, extern, offset };
  }
}
