/**
 * Kinds of values that settings have: how each is read from text or TOML, the rule that a wrong
 * one is told, and how it is written again. A value that left `parse` needs no further check.
 */
import { isIP, isIPv6 } from 'node:net';
import path from 'node:path';
import type { Endpoint, Mount, WatchMode } from './config.ts';

/**
 * A value that breaks the rule of its kind. `rule` continues the name of the setting, and of the
 * `key` at fault where the value is a table.
 */
export class ValueFault extends Error {
  override readonly name = 'ValueFault';
  readonly rule: string;
  readonly received: string;
  readonly key: string | undefined;

  constructor(rule: string, received: unknown, key?: string) {
    super(`${rule}: received ${describeReceived(received)}`);
    this.rule = rule;
    this.received = describeReceived(received);
    this.key = key;
  }
}

/** Reads one value of a table; a fault of it names its key. */
export function parseField<T>(
  table: ReadonlyMap<string, unknown>,
  field: { readonly key: string; readonly kind: Pick<ValueKind<T>, 'parse'> },
  base: string,
): T {
  const { key, kind } = field;
  const raw = table.get(key);
  try {
    return kind.parse(raw, base);
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error;
    throw new ValueFault(error.rule, raw, key);
  }
}

/** Every key of a table must be among `known`. */
export function refuseStrangers(
  table: ReadonlyMap<string, unknown>,
  known: readonly string[],
): void {
  for (const [key, value] of table) {
    if (known.includes(key)) continue;
    throw new ValueFault(`must be a known key (${known.join(', ')})`, value, key);
  }
}

export type TomlScalar = string | number | boolean;
export type TomlOutput = TomlScalar | readonly TomlScalar[] | readonly Record<string, TomlScalar>[];
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ValueKind<T> {
  /** How help and documentation name a value, e.g. `host:port`. */
  readonly placeholder: string;
  readonly jsonSchema: JsonSchema;
  /**
   * `raw`: a TOML value, or text. `base`: what relative paths are relative to. Errors: ValueFault.
   */
  parse(raw: unknown, base: string): T;
  print(value: T): TomlOutput;
  /** Only for lists: what one variable of the environment is split at. */
  readonly separator?: string;
}

/** A bounded view of what was received, for one sentence. */
export function describeReceived(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  if (text === undefined) return 'nothing';
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Written after an amount in text: `"128 MiB"`, `"10 s"`. */
const byteUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

export function count(range: Range): ValueKind<number> {
  return amount('count', { ...range, units: {} });
}

export function bytes(range: Range): ValueKind<number> {
  return amount('bytes', { ...range, units: byteUnits });
}

export function milliseconds(range: Range): ValueKind<number> {
  return amount('ms', { ...range, units: timeUnits });
}

function amount(
  placeholder: string,
  options: Range & { readonly units: Readonly<Record<string, number>> },
): ValueKind<number> {
  const { min, max, units } = options;
  const unitNames = Object.keys(units);
  const example = unitNames.length === 0 ? '' : `, or with a unit (${unitNames.join(', ')})`;
  const rule = `must be a whole number from ${min} to ${max}${example}`;
  const integer = { type: 'integer', minimum: min, maximum: max };
  const pattern = `^[0-9][0-9_]*( ?(${unitNames.join('|')}))?$`;
  return {
    placeholder,
    jsonSchema:
      unitNames.length === 0 ? integer : { anyOf: [integer, { type: 'string', pattern }] },
    parse(raw) {
      const value = typeof raw === 'string' ? readAmount(raw, units) : raw;
      if (typeof value !== 'number' || !Number.isSafeInteger(value))
        throw new ValueFault(rule, raw);
      if (value < min || value > max) throw new ValueFault(rule, raw);
      return value;
    },
    print: (value) => value,
  };
}

function readAmount(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const matched = /^(\d+(?:_\d+)*)(?: ?([A-Za-z]+))?$/.exec(text.trim());
  if (matched?.[1] === undefined) return undefined;
  const unit = matched[2];
  const factor = unit === undefined ? 1 : Object.hasOwn(units, unit) ? units[unit] : undefined;
  return factor === undefined ? undefined : Number(matched[1].replaceAll('_', '')) * factor;
}

export function choice<const Word extends string>(words: readonly Word[]): ValueKind<Word> {
  return {
    placeholder: words.join('|'),
    jsonSchema: { enum: words },
    parse(raw) {
      const word = words.find((candidate) => candidate === raw);
      if (word === undefined) {
        throw new ValueFault(`must be one of ${words.join(', ')}`, raw);
      }
      return word;
    },
    print: (value) => value,
  };
}

export const yesOrNo: ValueKind<boolean> = {
  placeholder: 'true|false',
  jsonSchema: { type: 'boolean' },
  parse(raw) {
    if (raw === true || raw === 'true') return true;
    if (raw === false || raw === 'false') return false;
    throw new ValueFault('must be true or false', raw);
  },
  print: (value) => value,
};

/** Text that must match `pattern`; `rule` says so in words. */
export function text(placeholder: string, pattern: RegExp, rule: string): ValueKind<string> {
  return {
    placeholder,
    jsonSchema: { type: 'string', pattern: pattern.source },
    parse(raw) {
      if (typeof raw !== 'string' || !pattern.test(raw)) throw new ValueFault(rule, raw);
      return raw;
    },
    print: (value) => value,
  };
}

/** A directory; a relative one is seen from the configuration file or the caller. */
export const fileSystemPath: ValueKind<string> = {
  placeholder: 'directory',
  jsonSchema: { type: 'string', minLength: 1 },
  parse(raw, base) {
    if (typeof raw !== 'string' || raw === '' || raw.includes('\0')) {
      throw new ValueFault('must be a path', raw);
    }
    return path.resolve(base, raw);
  },
  print: (value) => value,
};

/** A file, by the same rules. */
export const fileKind: ValueKind<string> = { ...fileSystemPath, placeholder: 'file' };

export interface EndpointRules {
  readonly rule: string;
  /** Undefined: the port must be given. */
  readonly portDefault?: number;
  readonly portMin: number;
  /** Whether a name is allowed where an address is. */
  readonly allowsNames: boolean;
}

/** `127.0.0.1:8080`, `[::1]:8080`, and `localhost:8080` where names are allowed. */
export function endpoint(rules: EndpointRules): ValueKind<Endpoint> {
  return {
    placeholder: 'host:port',
    jsonSchema: { type: 'string', minLength: 1 },
    parse(raw) {
      const parsed = typeof raw === 'string' ? readEndpoint(raw, rules) : undefined;
      if (parsed === undefined) throw new ValueFault(rules.rule, raw);
      return parsed;
    },
    print: printEndpoint,
  };
}

export function printEndpoint(value: Endpoint): string {
  return isIPv6(value.host) ? `[${value.host}]:${value.port}` : `${value.host}:${value.port}`;
}

function readEndpoint(text: string, rules: EndpointRules): Endpoint | undefined {
  const bare = rules.portDefault !== undefined && isIPv6(text) ? `[${text}]` : text;
  const matched = /^(?:\[([^\]]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/.exec(bare);
  const host = matched?.[1] ?? matched?.[2];
  if (matched === null || host === undefined) return undefined;
  const isAddress = matched[1] === undefined ? isIP(host) === 4 : isIPv6(host);
  const isName = rules.allowsNames && matched[1] === undefined && isListenName(host);
  const port = matched[3] === undefined ? rules.portDefault : Number(matched[3]);
  if (!(isAddress || isName) || port === undefined) return undefined;
  return port >= rules.portMin && port <= 65_535 ? { host, port } : undefined;
}

/** Digits and dots alone are a broken address, not a name. */
function isListenName(host: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host) && !/^[\d.]+$/.test(host);
}

/** The name of an environment variable. */
export const variableName: ValueKind<string> = {
  placeholder: 'NAME',
  jsonSchema: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
  parse(raw) {
    if (typeof raw === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(raw)) return raw;
    throw new ValueFault('must be the name of an environment variable', raw);
  },
  print: (value) => value,
};

/** A network as `address/bits`; a single address stands for itself alone. */
export const network: ValueKind<string> = {
  placeholder: 'cidr',
  jsonSchema: { type: 'string', minLength: 1 },
  parse(raw) {
    const rule = 'must be a network such as 10.0.0.0/8 or fd00::/8';
    const matched = typeof raw === 'string' ? /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(raw) : null;
    const address = matched?.[1] ?? '';
    const bitsMax = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    const bits = matched?.[2] === undefined ? bitsMax : Number(matched[2]);
    if (bitsMax < 0 || bits > bitsMax) throw new ValueFault(rule, raw);
    return `${address}/${bits}`;
  },
  print: (value) => value,
};

const watchModes: ValueKind<WatchMode> = choice(['auto', 'poll', 'events']);
const mountKeys = ['prefix', 'directory', 'watch', 'writable'];

/** `prefix=directory` as text; a table with `prefix`, `directory`, `watch` in TOML. */
export const mount: ValueKind<Mount> = {
  placeholder: 'prefix=directory',
  jsonSchema: {
    type: 'object',
    properties: {
      prefix: { type: 'string', pattern: '^/[^/]' },
      directory: { type: 'string', minLength: 1 },
      watch: watchModes.jsonSchema,
      writable: yesOrNo.jsonSchema,
    },
    required: ['prefix', 'directory'],
    additionalProperties: false,
  },
  parse(raw, base) {
    const fields = typeof raw === 'string' ? splitMount(raw) : raw;
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
      throw new ValueFault('must be a table with prefix and directory', raw);
    }
    const table = new Map<string, unknown>(Object.entries(fields));
    refuseStrangers(table, mountKeys);
    const watch = { key: 'watch', kind: watchModes };
    const writable = { key: 'writable', kind: yesOrNo };
    return {
      prefix: parseField(table, { key: 'prefix', kind: { parse: parseMountPrefix } }, base),
      directory: parseField(table, { key: 'directory', kind: fileSystemPath }, base),
      watch: table.has('watch') ? parseField(table, watch, base) : 'auto',
      ...(table.has('writable') && parseField(table, writable, base) ? { isWritable: true } : {}),
    };
  },
  print: ({ directory, isWritable, prefix, watch }) => [
    { prefix, directory, watch, ...(isWritable === true ? { writable: true } : {}) },
  ],
};

function splitMount(raw: string): Record<string, string> {
  const at = raw.indexOf('=');
  if (at <= 0 || at === raw.length - 1) {
    throw new ValueFault('must be prefix=directory, such as /keybase=/srv/sites', raw);
  }
  return { prefix: raw.slice(0, at), directory: raw.slice(at + 1) };
}

/** An absolute path of names; `.` and `..` would make the longest prefix a matter of opinion. */
function parseMountPrefix(raw: unknown): string {
  const rule = 'must be a path of names, such as /keybase';
  if (typeof raw !== 'string' || !raw.startsWith('/')) throw new ValueFault(rule, raw);
  const names = raw.replace(/\/$/, '').split('/').slice(1);
  const isNamed = names.length > 0 && names.every((name) => !['', '.', '..'].includes(name));
  if (!isNamed || /[\0\\\s]/.test(raw)) throw new ValueFault(rule, raw);
  return `/${names.join('/')}`;
}

export interface ListRules {
  readonly elementsMax: number;
  readonly elementsMin?: number;
  readonly separator?: string;
}

export function listOf<T>(kind: ValueKind<T>, rules: ListRules): ValueKind<readonly T[]> {
  const { elementsMax, elementsMin = 0, separator = ',' } = rules;
  return {
    placeholder: kind.placeholder,
    separator,
    jsonSchema: {
      type: 'array',
      items: kind.jsonSchema,
      minItems: elementsMin,
      maxItems: elementsMax,
    },
    parse(raw, base) {
      if (!Array.isArray(raw)) throw new ValueFault('must be a list', raw);
      if (raw.length < elementsMin || raw.length > elementsMax) {
        throw new ValueFault(
          `must have from ${elementsMin} to ${elementsMax} elements`,
          raw.length,
        );
      }
      return raw.map((element) => kind.parse(element, base));
    },
    print: (values) => values.flatMap((value) => kind.print(value) as TomlScalar[]),
  };
}

/** A setting that may stay away. */
export function optional<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return {
    placeholder: kind.placeholder,
    jsonSchema: kind.jsonSchema,
    parse: (raw, base) => kind.parse(raw, base),
    print: (value) => (value === undefined ? [] : kind.print(value)),
  };
}
