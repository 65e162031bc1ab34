/**
 * Reads interfaces in the language they are published in (WIT), as far as those of `wit/` need it:
 * types, resources, functions, and `use` of others. Ours alone are read, so that what is wrong is a
 * bug.
 */
import {
  type Case,
  type Field,
  type FuncType,
  type Primitive,
  primitives,
  type ResourceType,
  type ValueType,
} from '../../wasm/component/types.ts';

export interface ParsedInterface {
  readonly name: string;
  /** Own ones and used ones, in order. */
  readonly types: ReadonlyMap<string, ValueType | ResourceType>;
  /** By the names that components import them with. */
  readonly functions: ReadonlyMap<string, FuncType>;
}

const token = /\s*(?:(->|[{}()<>,;:=.])|(%?[a-zA-Z0-9_][\w:/@.-]*)|$)/y;
const isPrimitive = (name: string): name is Primitive =>
  (primitives as readonly string[]).includes(name);

/** Cuts the text into words and marks. A version's dots belong to its word. */
function tokenize(text: string): readonly string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const [, mark, word] = token.exec(text) ?? [];
    if (mark === undefined && word === undefined) {
      if (text.slice(at).trim() === '') break;
      throw new TypeError(`Cannot read the interface: at ${text.slice(at, at + 20)}`);
    }
    for (const part of splitWord(mark ?? word ?? '')) tokens.push(part);
  }
  return tokens;
}

/** `name:` and `io@0.2.0.{` end in what is a mark of its own. */
function splitWord(word: string): readonly string[] {
  const end = /^(.*?)([:.])$/s.exec(word);
  if (word.length === 1 || end === null) return [word.replace(/^%/, '')];
  return [(end[1] ?? '').replace(/^%/, ''), end[2] ?? ''];
}

/** Numbers for the resources of all interfaces that are read together. */
export class WitReader {
  readonly #interfaces = new Map<string, ParsedInterface>();
  #lastResource = 0;

  /** @throws TypeError where the text is wrong */
  read(name: string, text: string): ParsedInterface {
    const newResource = (): ResourceType => {
      this.#lastResource += 1;
      return { kind: 'resource', id: this.#lastResource };
    };
    const [, version] = name.split('@');
    const find = (path: string): ParsedInterface => {
      const isWhole = version === undefined || path.includes('@');
      const found = this.#interfaces.get(isWhole ? path : `${path}@${version}`);
      if (found === undefined) throw new TypeError(`Cannot read ${name}: it uses ${path}`);
      return found;
    };
    const parsed = new InterfaceParser(name, tokenize(text), { newResource, find }).parse();
    this.#interfaces.set(name, parsed);
    return parsed;
  }
}

interface Surroundings {
  readonly newResource: () => ResourceType;
  readonly find: (path: string) => ParsedInterface;
}

class InterfaceParser {
  readonly #name: string;
  readonly #tokens: readonly string[];
  readonly #around: Surroundings;
  readonly #types = new Map<string, ValueType | ResourceType>();
  readonly #functions = new Map<string, FuncType>();
  #at = 0;

  constructor(name: string, tokens: readonly string[], around: Surroundings) {
    this.#name = name;
    this.#tokens = tokens;
    this.#around = around;
  }

  parse(): ParsedInterface {
    while (this.#at < this.#tokens.length) this.#item();
    return { name: this.#name, types: this.#types, functions: this.#functions };
  }

  #item(): void {
    const word = this.#take();
    switch (word) {
      case 'use':
        this.#use();
        return;
      case 'type': {
        const name = this.#take();
        this.#expect('=');
        this.#types.set(name, this.#aliased());
        this.#expect(';');
        return;
      }
      case 'resource':
        this.#resource(this.#take());
        return;
      case 'record':
        this.#record(this.#take());
        return;
      case 'variant':
        this.#variant(this.#take());
        return;
      case 'enum':
      case 'flags': {
        const name = this.#take();
        this.#expect('{');
        this.#types.set(name, { kind: word, labels: this.#list('}', () => this.#take()) });
        return;
      }
      default:
        this.#expect(':');
        this.#functions.set(word, this.#func([]));
    }
  }

  #use(): void {
    const path = this.#take();
    const from = this.#around.find(path.includes(':') ? path : this.#sibling(path));
    this.#expect('.');
    this.#expect('{');
    this.#list('}', () => {
      const name = this.#take();
      const type = from.types.get(name);
      if (type === undefined) throw this.#wrong(name);
      const isRenamed = this.#peek() === 'as';
      if (isRenamed) this.#take();
      this.#types.set(isRenamed ? this.#take() : name, type);
    });
    this.#expect(';');
  }

  #sibling(name: string): string {
    return `${this.#name.slice(0, this.#name.indexOf('/'))}/${name}`;
  }

  /** A resource by its name stays one: it gets another name. */
  #aliased(): ValueType | ResourceType {
    const named = this.#types.get(this.#peek() ?? '');
    if (named?.kind !== 'resource') return this.#type();
    this.#take();
    return named;
  }

  #resource(name: string): void {
    const resource = this.#around.newResource();
    this.#types.set(name, resource);
    if (this.#peek() === ';') {
      this.#expect(';');
      return;
    }
    this.#expect('{');
    while (this.#peek() !== '}') this.#method(name, resource);
    this.#expect('}');
  }

  #method(owner: string, resource: ResourceType): void {
    const name = this.#take();
    if (name === 'constructor') {
      const made: ValueType = { kind: 'own', resource };
      this.#functions.set(`[constructor]${owner}`, { ...this.#signature([]), result: made });
      return;
    }
    this.#expect(':');
    if (this.#peek() === 'static') {
      this.#take();
      this.#functions.set(`[static]${owner}.${name}`, this.#func([]));
    } else {
      const self: Field = { name: 'self', type: { kind: 'borrow', resource } };
      this.#functions.set(`[method]${owner}.${name}`, this.#func([self]));
    }
  }

  #func(before: readonly Field[]): FuncType {
    const isAsync = this.#peek() === 'async';
    if (isAsync) this.#take();
    this.#expect('func');
    return { ...this.#signature(before), isAsync };
  }

  #signature(before: readonly Field[]): FuncType {
    this.#expect('(');
    const params = this.#list(')', () => this.#field());
    let result: ValueType | undefined;
    if (this.#peek() === '->') {
      this.#take();
      result = this.#type();
    }
    this.#expect(';');
    return { kind: 'func', isAsync: false, params: [...before, ...params], result };
  }

  #field(): Field {
    const name = this.#take();
    this.#expect(':');
    return { name, type: this.#type() };
  }

  #record(name: string): void {
    this.#expect('{');
    this.#types.set(name, { kind: 'record', fields: this.#list('}', () => this.#field()) });
  }

  #variant(name: string): void {
    this.#expect('{');
    const cases = this.#list('}', (): Case => {
      const label = this.#take();
      if (this.#peek() !== '(') return { name: label, type: undefined };
      this.#expect('(');
      const type = this.#type();
      this.#expect(')');
      return { name: label, type };
    });
    this.#types.set(name, { kind: 'variant', cases });
  }

  #type(): ValueType {
    const word = this.#take();
    if (isPrimitive(word)) return { kind: word };
    switch (word) {
      case 'list':
        return { kind: 'list', element: this.#inner() };
      case 'option':
        return { kind: 'option', some: this.#inner() };
      case 'tuple':
        this.#expect('<');
        return { kind: 'tuple', items: this.#list('>', () => this.#type()) };
      case 'result':
        return this.#result();
      case 'stream':
      case 'future':
        return { kind: word, element: this.#peek() === '<' ? this.#inner() : undefined };
      case 'borrow':
      case 'own': {
        const owned = this.#inner();
        if (owned.kind !== 'own') throw this.#wrong(word);
        return { kind: word, resource: owned.resource };
      }
      default: {
        const named = this.#types.get(word);
        if (named === undefined) throw this.#wrong(word);
        return named.kind === 'resource' ? { kind: 'own', resource: named } : named;
      }
    }
  }

  #inner(): ValueType {
    this.#expect('<');
    const type = this.#type();
    this.#expect('>');
    return type;
  }

  #result(): ValueType {
    if (this.#peek() !== '<') return { kind: 'result', ok: undefined, error: undefined };
    this.#expect('<');
    const parts = this.#list('>', () => {
      if (this.#peek() !== '_') return this.#type();
      this.#take();
      return undefined;
    });
    return { kind: 'result', ok: parts[0], error: parts[1] };
  }

  /** What is separated by commas, up to the mark at its end. */
  #list<T>(end: string, readOne: () => T): T[] {
    const items: T[] = [];
    while (this.#peek() !== end) {
      items.push(readOne());
      if (this.#peek() === ',') this.#take();
    }
    this.#take();
    return items;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(): string {
    const next = this.#tokens[this.#at];
    if (next === undefined) throw this.#wrong('its end');
    this.#at += 1;
    return next;
  }

  #expect(mark: string): void {
    const received = this.#take();
    if (received !== mark) throw this.#wrong(`${received} where ${mark} is expected`);
  }

  #wrong(received: string): TypeError {
    return new TypeError(`Cannot read ${this.#name}: received ${received}`);
  }
}
