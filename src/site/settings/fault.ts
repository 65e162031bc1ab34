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

  constructor(place: Place, rule: string, received: string) {
    super(`${rule}: received ${received}`);
    this.place = place;
  }
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
