/** `[geo]` and `[devices]`: what modules are told of an address, and of a visitor's program. */
import { network } from '../../config/kinds.ts';
import { namePlace, nameType, type Place, SettingsFault } from './fault.ts';
import { asConfigured, type Kind, yesOrNo } from './kinds.ts';
import { maybe, readTable, record } from './tables.ts';

const entriesMax = 10_000;
const factsBytesMax = 8 * 1024;
const factsDepthMax = 4;
const userAgentBytesMax = 4 * 1024;

/** One JSON object for each name. */
export type FactTable = ReadonlyMap<string, string>;

export interface GeoSettings {
  /** Whether addresses of this machine have a place of their own; left out: they have. */
  readonly defaultLoopback?: boolean;
  /** JSON by network, as `address/bits`. */
  readonly addresses?: FactTable;
}

const scalarTypes = new Set(['string', 'number', 'bigint', 'boolean']);

/**
 * Text, numbers, true and false, and tables of them, as JSON. Editors cannot know its keys: they
 * are those of the guests.
 */
export const facts: Kind<string> = {
  jsonSchema: { type: 'object' },
  read(value, place) {
    const json = JSON.stringify(plainFacts(value, place, 0));
    const bytes = Buffer.byteLength(json);
    if (bytes <= factsBytesMax) return json;
    const rule = `${namePlace(place)} must have at most ${factsBytesMax} bytes as JSON`;
    throw new SettingsFault(place, rule, `${bytes}`);
  },
};

function plainFacts(value: unknown, place: Place, depth: number): Record<string, unknown> {
  const plain: [string, unknown][] = [];
  for (const [key, inner] of readTable(value, place)) {
    const at = [...place, key];
    if (depth >= factsDepthMax) {
      throw new SettingsFault(at, `${namePlace(place)} must not be so deep`, 'one more table');
    }
    plain.push([key, plainFact(inner, at, depth)]);
  }
  return Object.fromEntries(plain);
}

function plainFact(value: unknown, place: Place, depth: number): unknown {
  if (value === null) return null;
  if (typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date)) {
    return plainFacts(value, place, depth + 1);
  }
  const isNumber = typeof value !== 'number' || Number.isFinite(value);
  if (scalarTypes.has(typeof value) && isNumber) {
    return typeof value === 'bigint' ? Number(value) : value;
  }
  const rule = `${namePlace(place)} must be text, a number, true, false or a table`;
  throw new SettingsFault(place, rule, nameType(value));
}

interface FactNames {
  /** What its entries are, for the message. */
  readonly what: string;
  /** The name by which an entry is found. @throws SettingsFault */
  readonly readName: (name: string, place: Place) => string;
}

function factTable({ what, readName }: FactNames): Kind<FactTable> {
  return {
    jsonSchema: { type: 'object', additionalProperties: facts.jsonSchema },
    read(value, place) {
      const table = readTable(value, place);
      if (table.size > entriesMax) {
        const rule = `${namePlace(place)} may hold at most ${entriesMax} ${what}`;
        throw new SettingsFault(place, rule, `${table.size}`);
      }
      const read = [...table].map(
        ([name, inner]) =>
          [readName(name, [...place, name]), facts.read(inner, [...place, name])] as const,
      );
      return new Map(read);
    },
  };
}

const networkKind = asConfigured(network);

/** By network; a single address stands for itself alone. */
export const geoAddresses: Kind<FactTable> = factTable({
  what: 'addresses',
  readName: (name, place) => networkKind.read(name, place),
});

/** By the text of the header, exactly. */
export const devices: Kind<FactTable> = factTable({
  what: 'user agents',
  readName(name, place) {
    const bytes = Buffer.byteLength(name);
    if (bytes <= userAgentBytesMax) return name;
    const rule = `a user agent has at most ${userAgentBytesMax} bytes`;
    throw new SettingsFault(place, rule, `${bytes}`);
  },
});

export const geo: Kind<GeoSettings> = record({
  defaultLoopback: maybe(yesOrNo, 'Whether 127.0.0.1 has a made-up place; default true'),
  addresses: maybe(geoAddresses, 'What is told of an address or network'),
});
