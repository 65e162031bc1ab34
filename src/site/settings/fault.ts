/** A mistake in a `terrafirma.toml`, and where it stands. Pure. */
import { quoteReceived } from '../../names.ts';

/** The keys that lead to a value, from the top of the file; elements of lists by their number. */
export type Place = readonly string[];

/**
 * A value that breaks the rule of its kind. It never holds the value itself unless the kind shows
 * it: values may be secrets.
 */
export class SettingsFault extends Error {
  override readonly name = 'SettingsFault';
  readonly place: Place;
  #all: readonly SettingsFault[] = [this];

  constructor(place: Place, rule: string, received: string) {
    super(`${rule}: received ${received}`);
    this.place = place;
  }

  /** Itself, and what else is wrong in the same file. */
  get all(): readonly SettingsFault[] {
    return this.#all;
  }

  /** Which is thrown for all of them. */
  static together(faults: readonly [SettingsFault, ...SettingsFault[]]): SettingsFault {
    const [first] = faults;
    first.#all = faults;
    return first;
  }
}

/** Of so many mistakes is told, and that there are more. */
export const faultsToldMax = 10;

/**
 * Reads one thing after another, of which each may be wrong, and tells of all that are; nothing
 * else is read where they are more than are told.
 */
export class Faults {
  readonly #found: SettingsFault[] = [];

  /** What `read` gives; undefined where it throws a SettingsFault, which is kept for `throwAny`. */
  catch<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SettingsFault)) throw error;
      this.#found.push(...error.all);
      if (this.#found.length > faultsToldMax) this.throwAny();
      return undefined;
    }
  }

  /** @throws SettingsFault where something was wrong */
  throwAny(): void {
    const [first, ...others] = this.#found;
    if (first !== undefined) throw SettingsFault.together([first, ...others]);
  }
}

/**
 * All that is wrong, each behind its file and line, in the order of their lines.
 *
 * @param lineOf Of a place in that file.
 */
export function tellFaults(
  { all }: SettingsFault,
  fileName: string,
  lineOf: (place: Place) => number,
): string {
  const faults = all.map(({ message, place }) => ({ message, line: lineOf(place) }));
  faults.sort((one, other) => one.line - other.line);
  return joinFaults(faults.map(({ line, message }) => `${fileName}:${line}: ${message}`));
}

/** What is wrong in several places as one sentence. */
export function joinFaults(faults: readonly string[]): string {
  const told = faults.slice(0, faultsToldMax);
  if (faults.length > told.length) told.push('and there is more');
  return told.join('; ');
}

/** The mistakes of a message of `joinFaults`, one each; only for showing them. */
export function splitFaults(message: string): readonly string[] {
  return message.split(/; (?=[^\s:;"]+:\d+: |and there is more$)/);
}

/**
 * How a message names a place: `limits.cpu_ms`, `"api.wasm".limits.cpu_ms`; the file itself for
 * none. Numbers of elements are left out, because the message has the line.
 */
export function namePlace(place: Place): string {
  const keys = place.filter((key) => !/^\d+$/.test(key));
  return keys.length === 0 ? 'the file' : keys.map(nameKey).join('.');
}

function nameKey(key: string): string {
  return /^[A-Za-z0-9_-]{1,64}$/.test(key) ? key : quoteReceived(key);
}

/** What stands where something else should: its type, never its value. */
export function nameType(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  return `a ${typeof value}`;
}
