/** Tables of the interfaces that components may import, from their types. */
import {
  Interfaces,
  type KnownFunction,
  type KnownInterface,
} from '../../src/abi/component/interfaces.ts';
import type { ResourceType, ValueType } from '../../src/wasm/component/types.ts';

type AnyType = ValueType | ResourceType;

/** One heading and table an interface. */
export function componentTables(): readonly string[] {
  const { imports } = new Interfaces();
  return [...imports.values()].filter(({ functions }) => functions.size > 0).flatMap(tableOf);
}

function tableOf(known: KnownInterface): readonly string[] {
  const names = new Map<AnyType, string>();
  // Later names of a type are aliases.
  for (const [name, type] of known.types) if (!names.has(type)) names.set(type, name);
  const rows = [...known.functions].map(([name, each]) => rowOf(name, each, names));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = [
    ['Function', 'Takes', 'Answers'],
    ['---', '---', '---'],
  ];
  return [`### \`${known.name}\``, '', ...[...head, ...rows].map(line), ''];
}

function rowOf(
  name: string,
  { type, function: own }: KnownFunction,
  names: ReadonlyMap<AnyType, string>,
): readonly string[] {
  // The resource that a method is of stands in its name.
  const params = name.startsWith('[method]') ? type.params.slice(1) : type.params;
  const taken = params.map((param) => `${param.name}: ${describe(param.type, names)}`).join(', ');
  const result = type.result === undefined ? '' : describe(type.result, names);
  const shown = `\`${name.replace(/^\[(?:method|static)\]/, '')}\``;
  const label = own === undefined ? `${shown} (nobody has such a handle)` : shown;
  const code = (text: string): string => (text === '' ? '' : `\`${text}\``);
  return [label, code(taken), code(result)];
}

function describe(type: ValueType, names: ReadonlyMap<AnyType, string>): string {
  const named = names.get(type);
  if (named !== undefined) return named;
  const inner = (part: ValueType | undefined): string =>
    part === undefined ? '_' : describe(part, names);
  switch (type.kind) {
    case 'own':
    case 'borrow':
      return resourceName(type.resource, names);
    case 'list':
      return `list<${inner(type.element)}>`;
    case 'option':
      return `option<${inner(type.some)}>`;
    case 'tuple':
      return `tuple<${type.items.map(inner).join(', ')}>`;
    case 'result': {
      if (type.ok === undefined && type.error === undefined) return 'result';
      if (type.error === undefined) return `result<${inner(type.ok)}>`;
      return `result<${inner(type.ok)}, ${inner(type.error)}>`;
    }
    case 'stream':
    case 'future':
      return type.element === undefined ? type.kind : `${type.kind}<${inner(type.element)}>`;
    default:
      return type.kind;
  }
}

function resourceName({ id }: ResourceType, names: ReadonlyMap<AnyType, string>): string {
  for (const [type, name] of names) if (type.kind === 'resource' && type.id === id) return name;
  return 'resource';
}
