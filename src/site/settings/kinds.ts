/**
 * Kinds of single values that a `terrafirma.toml` may hold: how each is read, and the JSON schema
 * by which editors check and complete it. Pure.
 */
import {
  bytes as bytesOf,
  count,
  type JsonSchema,
  milliseconds as millisecondsOf,
  type Range,
  ValueFault,
  type ValueKind,
} from '../../config/kinds.ts';
import { TerrafirmaError } from '../../errors.ts';
import {
  type HostName,
  isServedName,
  isStaticName,
  parseHostName,
  quoteReceived,
  wellKnownDirectory,
} from '../../names.ts';
import { namePlace, nameType, type Place, SettingsFault } from './fault.ts';

export type { JsonSchema };

export interface Kind<T> {
  readonly jsonSchema: JsonSchema;
  /** @throws SettingsFault */
  read(value: unknown, place: Place): T;
}

/** The kind of what `turn` makes of another kind's value. `turn` throws SettingsFault. */
export function turned<T, U>(kind: Kind<T>, turn: (value: T, place: Place) => U): Kind<U> {
  return {
    jsonSchema: kind.jsonSchema,
    read: (value, place) => turn(kind.read(value, place), place),
  };
}

export const yesOrNo: Kind<boolean> = {
  jsonSchema: { type: 'boolean' },
  read(value, place) {
    if (typeof value === 'boolean') return value;
    throw new SettingsFault(place, `${namePlace(place)} must be true or false`, nameType(value));
  },
};

export function choice<const W extends string | number>(words: readonly W[]): Kind<W> {
  return {
    jsonSchema: { enum: words },
    read(value, place) {
      const word = words.find((each) => each === value);
      if (word !== undefined) return word;
      const rule = `${namePlace(place)} must be ${listWords(words.map(showWord))}`;
      throw new SettingsFault(
        place,
        rule,
        typeof value === 'number' ? `${value}` : nameType(value),
      );
    },
  };
}

function showWord(word: string | number): string {
  return typeof word === 'number' ? String(word) : `"${word}"`;
}

function listWords(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

export interface TextRules {
  /** In UTF-8. */
  readonly bytesMax: number;
  /** Continues the name of the place. */
  readonly rule: string;
  readonly pattern?: RegExp;
  /** Whether a wrong value may be told: never where it could be a secret. */
  readonly isShown?: boolean;
}

export function text({ bytesMax, rule, pattern, isShown = false }: TextRules): Kind<string> {
  return {
    jsonSchema: { type: 'string', ...(pattern === undefined ? {} : { pattern: pattern.source }) },
    read(value, place) {
      const at = namePlace(place);
      if (typeof value !== 'string')
        throw new SettingsFault(place, `${at} ${rule}`, nameType(value));
      const bytes = Buffer.byteLength(value);
      if (bytes > bytesMax) {
        throw new SettingsFault(place, `${at} must have at most ${bytesMax} bytes`, `${bytes}`);
      }
      if (value.includes('\0')) throw new SettingsFault(place, `${at} must not hold NUL`, 'one');
      if (pattern?.test(value) === false) {
        const received = isShown ? quoteReceived(value) : 'something else';
        throw new SettingsFault(place, `${at} ${rule}`, received);
      }
      return value;
    },
  };
}

/**
 * A kind that the operator's configuration has as well: amounts, networks. Its values are shown,
 * none of them is a secret.
 */
export function asConfigured<T>(kind: ValueKind<T>): Kind<T> {
  return {
    jsonSchema: kind.jsonSchema,
    read(value, place) {
      try {
        return kind.parse(value, '');
      } catch (error) {
        if (!(error instanceof ValueFault)) throw error;
        const isShown = typeof value === 'number' || typeof value === 'string';
        const received = isShown ? quoteReceived(`${value}`) : nameType(value);
        throw new SettingsFault(place, `${namePlace(place)} ${error.rule}`, received);
      }
    },
  };
}

/** A whole number without a unit. */
export function whole(range: Range): Kind<number> {
  return asConfigured(count(range));
}

/** Bytes as a number, or as text with a unit: `"64 MiB"`. */
export function bytes(range: Range): Kind<number> {
  return asConfigured(bytesOf(range));
}

/** Milliseconds as a number, or as text with a unit: `"10 s"`. */
export function milliseconds(range: Range): Kind<number> {
  return asConfigured(millisecondsOf(range));
}

/** A name that cannot be one is refused: the owner would wait for it in vain. */
export const hostName: Kind<HostName> = {
  jsonSchema: { type: 'string' },
  read(value, place) {
    const rule = `${namePlace(place)} must be a host name, such as "www.example.com"`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    try {
      return parseHostName(value);
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      throw new SettingsFault(place, rule, quoteReceived(value));
    }
  },
};

/** The path of a module in the folder, without a slash before it: `dir/hello.wasm`. */
export const modulePath: Kind<string> = {
  jsonSchema: { type: 'string', pattern: String.raw`\.wasm$` },
  read(value, place) {
    const rule = `${namePlace(place)} must be the path of a module, such as "dir/a.wasm"`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    if (isModulePath(value)) return value;
    throw new SettingsFault(place, rule, quoteReceived(value));
  },
};

export function isModulePath(name: string): boolean {
  return name.endsWith('.wasm') && name.split('/').every(isServedName);
}

/** The path of a file of the folder as visitors write it: `/errors/404.html`. */
export const filePath: Kind<string> = {
  jsonSchema: { type: 'string', pattern: '^/' },
  read(value, place) {
    const rule = `${namePlace(place)} must be the path of a file, such as "/404.html"`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    if (!isPlainPath(value) || value.endsWith('/')) {
      throw new SettingsFault(place, rule, quoteReceived(value));
    }
    if (isServedFile(value)) return value;
    const served = `${namePlace(place)} must be a file that visitors may ask for by its name`;
    throw new SettingsFault(place, served, quoteReceived(value));
  },
};

/** A page in place of another must not show a module's bytes, passwords or hidden files. */
function isServedFile(path: string): boolean {
  const segments = path.slice(1).split('/');
  return segments.every(
    (name, depth) => isStaticName(name) || (depth === 0 && name === wellKnownDirectory),
  );
}

/** A path below the folder in which no segment leads elsewhere. */
export function isPlainPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (!path.startsWith('/') || /[\x00-\x1f\x7f\\?#*]/.test(path) || path.length > 1_024)
    return false;
  const segments = path.slice(1).split('/');
  return segments.every(
    (segment, index) =>
      segment !== '.' && segment !== '..' && (segment !== '' || index === segments.length - 1),
  );
}
