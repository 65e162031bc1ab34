/**
 * A component of a script together with what it imports: what the runner of scripts offers, and
 * components that the script has named before. All become one component, so that no rule is bent.
 */
import { decodeComponent, isComponent } from '../../../src/wasm/component/decode.ts';
import { leb, list, name, preamble, section } from '../../support/component-bytes.ts';
import { suiteComponentLimits as limits } from './limits.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const sorts = { func: 0x01, instance: 0x05 } as const;
type Sort = keyof typeof sorts;

export interface ScriptHost {
  readonly bytes: Bytes;
  /** Name of an export → what it is. */
  readonly exports: ReadonlyMap<string, Sort>;
}

export interface Importing {
  readonly bytes: Bytes;
  readonly named: ReadonlyMap<string, Bytes>;
}

/** Undefined: it imports nothing, or what nobody has. */
export function withHost(
  { bytes, named }: Importing,
  host: ScriptHost,
  functions: readonly string[],
): Bytes | undefined {
  const isKnown = (each: string): boolean => host.exports.has(each) || named.has(each);
  const imports = importsOf(bytes);
  if (imports.length === 0 || !imports.every(isKnown)) return undefined;
  const composition = new Composition(host, named);
  return composition.exporting(composition.instantiate(bytes), [...new Set(functions)]);
}

function importsOf(component: Bytes): readonly string[] {
  if (!isComponent(component)) return [];
  return decodeComponent(component, limits).definitions.flatMap((each) =>
    each.kind === 'import' ? [each.name.name] : [],
  );
}

/** Written front to back: what comes later names what is there. */
class Composition {
  readonly #host: ScriptHost;
  readonly #named: ReadonlyMap<string, Bytes>;
  readonly #sections: (readonly number[])[] = [];
  readonly #given = new Map<string, readonly [sort: Sort, index: number]>();
  readonly #counts = { component: 0, func: 0, instance: 0 };
  #hostInstance: number | undefined;

  constructor(host: ScriptHost, named: ReadonlyMap<string, Bytes>) {
    this.#host = host;
    this.#named = named;
  }

  /** Answers the number of the instance. */
  instantiate(component: Bytes): number {
    const args = importsOf(component).map((each) => {
      const [sort, index] = this.#find(each);
      return [...name(each), sorts[sort], ...leb(index)];
    });
    this.#sections.push(section(4, [...component]));
    const number = this.#counts.component;
    this.#counts.component += 1;
    this.#sections.push(list(5, [[0x00, ...leb(number), ...leb(args.length), ...args.flat()]]));
    return this.#count('instance');
  }

  exporting(instance: number, functions: readonly string[]): Bytes {
    const exports = functions.map((each) => {
      const index = this.#alias('func', instance, each);
      return [0x00, ...name(each), sorts.func, ...leb(index), 0x00];
    });
    return Uint8Array.from([...preamble, ...this.#sections.flat(), ...list(11, exports)]);
  }

  #find(wanted: string): readonly [sort: Sort, index: number] {
    const known = this.#given.get(wanted);
    if (known !== undefined) return known;
    const found = this.#make(wanted);
    this.#given.set(wanted, found);
    return found;
  }

  #make(wanted: string): readonly [sort: Sort, index: number] {
    const component = this.#named.get(wanted);
    if (component !== undefined) return ['instance', this.instantiate(component)];
    const sort = this.#host.exports.get(wanted) ?? 'instance';
    this.#hostInstance ??= this.instantiate(this.#host.bytes);
    return [sort, this.#alias(sort, this.#hostInstance, wanted)];
  }

  #alias(sort: Sort, instance: number, of: string): number {
    this.#sections.push(list(6, [[sorts[sort], 0x00, ...leb(instance), ...name(of)]]));
    return this.#count(sort);
  }

  #count(sort: Sort): number {
    this.#counts[sort] += 1;
    return this.#counts[sort] - 1;
  }
}
