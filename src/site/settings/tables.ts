/**
 * Kinds of tables and lists. A table of known keys refuses all others, because a misspelled setting
 * must not look like one that holds. Pure.
 */
import { nearestName } from '../../config/suggest.ts';
import { quoteReceived } from '../../names.ts';
import { Faults, namePlace, nameType, type Place, SettingsFault } from './fault.ts';
import type { JsonSchema, Kind } from './kinds.ts';

export interface Field<T, IsNeeded extends boolean = boolean> {
  readonly kind: Kind<T>;
  /** One line for editors. */
  readonly summary: string;
  /** The key in the file where it is not the property's name in snake case. */
  readonly key?: string;
  readonly isNeeded: IsNeeded;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;
type NeededNames<F extends Fields> = {
  [N in keyof F]: F[N] extends Field<unknown, true> ? N : never;
}[keyof F];

/** What a table of these fields reads as; a field that may be absent is left out then. */
export type ReadFields<F extends Fields> = {
  readonly [N in NeededNames<F>]: ValueOf<F[N]>;
} & { readonly [N in Exclude<keyof F, NeededNames<F>>]?: ValueOf<F[N]> };

export function needed<T>(kind: Kind<T>, summary: string, key?: string): Field<T, true> {
  return { kind, summary, isNeeded: true, ...(key === undefined ? {} : { key }) };
}

export function maybe<T>(kind: Kind<T>, summary: string, key?: string): Field<T, false> {
  return { kind, summary, isNeeded: false, ...(key === undefined ? {} : { key }) };
}

/** Keys beside the known ones; undefined: it is not known. */
export interface OtherKeys {
  /** For the schema: pattern of the key → schema of the value. */
  readonly patterns: Readonly<Record<string, JsonSchema>>;
  /** Whether it takes the key. */
  takes(key: string, place: Place): boolean;
  /** What the owner may have meant by a key that nobody knows; '' for no idea. */
  hint(key: string, value: unknown): string;
}

/** A table in which only these keys may stand. */
export function record<F extends Fields>(fields: F, others?: OtherKeys): Kind<ReadFields<F>> {
  const rows = Object.entries(fields).map(([name, field]) => ({
    ...field,
    name,
    key: field.key ?? toSnakeCase(name),
  }));
  const keys = rows.map(({ key }) => key);
  return {
    jsonSchema: describeRecord(rows, others),
    read(value, place) {
      const table = readTable(value, place);
      const faults = new Faults();
      refuseStrangers(table, { keys, place, others, faults });
      const read: Record<string, unknown> = {};
      for (const { name, key, kind, isNeeded } of rows) {
        const inner = table.get(key);
        if (inner === undefined && !isNeeded) continue;
        faults.catch(() => {
          if (inner !== undefined) read[name] = kind.read(inner, [...place, key]);
          else throw new SettingsFault(place, `${namePlace(place)} must have "${key}"`, 'none');
        });
      }
      faults.throwAny();
      return read as ReadFields<F>;
    },
  };
}

function describeRecord(
  rows: readonly (Field<unknown> & { readonly key: string })[],
  others: OtherKeys | undefined,
): JsonSchema {
  const required = rows.filter(({ isNeeded }) => isNeeded).map(({ key }) => key);
  return {
    type: 'object',
    properties: Object.fromEntries(
      rows.map(({ key, kind, summary }) => [key, { description: summary, ...kind.jsonSchema }]),
    ),
    ...(required.length === 0 ? {} : { required }),
    ...(others === undefined ? {} : { patternProperties: others.patterns }),
    additionalProperties: false,
  };
}

function refuseStrangers(
  table: ReadonlyMap<string, unknown>,
  allowed: {
    readonly keys: readonly string[];
    readonly place: Place;
    readonly others: OtherKeys | undefined;
    readonly faults: Faults;
  },
): void {
  const { keys, place, others, faults } = allowed;
  for (const [key, value] of table) {
    if (keys.includes(key)) continue;
    faults.catch(() => {
      if (others?.takes(key, place) === true) return;
      const nearest = nearestName(key, keys);
      const meant = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
      const hint = others?.hint(key, value) ?? '';
      const known =
        keys.length === 0 ? 'must be an empty table' : `may hold only ${keys.join(', ')}`;
      const rule = `${namePlace(place)} ${known}${hint === '' ? meant : hint}`;
      throw new SettingsFault([...place, key], rule, quoteReceived(key));
    });
  }
}

/** `connectTimeoutMs` → `connect_timeout_ms`. */
function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @throws SettingsFault for what is no table. */
export function readTable(value: unknown, place: Place): ReadonlyMap<string, unknown> {
  const isTable = typeof value === 'object' && value !== null;
  if (isTable && !Array.isArray(value) && !(value instanceof Date)) {
    return new Map(Object.entries(value));
  }
  throw new SettingsFault(place, `${namePlace(place)} must be a table`, nameType(value));
}

export interface NameRules {
  readonly max: number;
  /** What its entries are, for the message: `variables`, `back-ends`. */
  readonly what: string;
  readonly names: { readonly pattern: RegExp; readonly rule: string };
}

/** A table whose keys the owner chooses. */
export function tableOf<T>(kind: Kind<T>, rules: NameRules): Kind<ReadonlyMap<string, T>> {
  const { max, what, names } = rules;
  return {
    jsonSchema: {
      type: 'object',
      patternProperties: { [names.pattern.source]: kind.jsonSchema },
      additionalProperties: false,
      maxProperties: max,
    },
    read(value, place) {
      const table = readTable(value, place);
      if (table.size > max) {
        const rule = `${namePlace(place)} may hold at most ${max} ${what}`;
        throw new SettingsFault(place, rule, `${table.size}`);
      }
      const read = new Map<string, T>();
      const faults = new Faults();
      for (const [name, inner] of table) {
        faults.catch(() => {
          if (!names.pattern.test(name)) {
            const rule = `names of ${what} in ${namePlace(place)} must be ${names.rule}`;
            throw new SettingsFault([...place, name], rule, quoteReceived(name));
          }
          read.set(name, kind.read(inner, [...place, name]));
        });
      }
      faults.throwAny();
      return read;
    },
  };
}

/** @param what What its elements are, for the message: `host names`. */
export function listOf<T>(
  kind: Kind<T>,
  rules: { readonly max: number; readonly what: string },
): Kind<readonly T[]> {
  const { max, what } = rules;
  return {
    jsonSchema: { type: 'array', items: kind.jsonSchema, maxItems: max },
    read(value, place) {
      const at = namePlace(place);
      if (!Array.isArray(value)) {
        throw new SettingsFault(place, `${at} must be a list of ${what}`, nameType(value));
      }
      if (value.length > max) {
        throw new SettingsFault(place, `${at} may hold at most ${max} ${what}`, `${value.length}`);
      }
      const faults = new Faults();
      const read: T[] = [];
      for (const [index, each] of value.entries()) {
        faults.catch(() => read.push(kind.read(each, [...place, String(index)])));
      }
      faults.throwAny();
      return read;
    },
  };
}

/** Names of what the folder has: key-value stores, back-ends, secrets. */
export const resourceNames = {
  pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
  rule: 'letters, digits, "_", "-" and ".", at most 128 of them',
};
