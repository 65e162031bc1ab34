/**
 * Where a `fastly.toml` says that something stands: in its text, in a file of the folder, or in the
 * environment of the daemon. Pure.
 */
import { posix } from 'node:path';
import { foldName, quoteReceived } from '../../names.ts';
import { namePlace, nameType, type Place, SettingsFault } from '../settings/fault.ts';
import { type Kind, type TextRules, text } from '../settings/kinds.ts';

/** A file of the folder. */
export interface FileSource {
  readonly kind: 'file';
  /** Below the folder, without `.` and `..`. */
  readonly path: string;
  /** Where it is named. */
  readonly place: Place;
}

export type Source =
  | { readonly kind: 'text'; readonly text: string }
  | FileSource
  | { readonly kind: 'env'; readonly name: string; readonly place: Place };

const pathBytesMax = 1_024;
/** What owners tell the daemon is never what a guest reads. */
const closedNames = new Set(['.kbp_config', 'terrafirma.toml', 'fastly.toml']);

/** Names of stores, keys and user agents: whatever can be seen. */
export const anyName = {
  pattern: /^[^\p{Cc}]{1,1024}$/u,
  rule: 'at most 1024 visible characters',
};

/** `data/a.json`, also as `./data/a.json`. It cannot lead out of the folder. */
export const fileSource: Kind<FileSource> = {
  jsonSchema: { type: 'string' },
  read(value, place) {
    const rule = `${namePlace(place)} must be the path of a file in this folder`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    const path = posix.normalize(value);
    const [first = ''] = path.split('/');
    const isInside =
      value !== '' && !value.startsWith('/') && path !== '.' && first !== '..' && first !== '';
    const isPath =
      isInside &&
      !value.endsWith('/') &&
      !/[\p{Cc}\\]/u.test(value) &&
      Buffer.byteLength(value) <= pathBytesMax;
    if (!isPath) throw new SettingsFault(place, rule, quoteReceived(value));
    if (path.split('/').some((name) => closedNames.has(foldName(name)))) {
      const closed = `${namePlace(place)} must be a file that programs may have`;
      throw new SettingsFault(place, closed, quoteReceived(value));
    }
    return { kind: 'file', path, place };
  },
};

/** Text that stands in the file itself. */
export function textSource(rules: TextRules): Kind<Source> {
  const kind = text(rules);
  return {
    jsonSchema: kind.jsonSchema,
    read: (value, place) => ({ kind: 'text', text: kind.read(value, place) }),
  };
}

/** The name of a variable; its value is nobody's business here. */
export const envSource: Kind<Source> = {
  jsonSchema: { type: 'string' },
  read(value, place) {
    const rule = `${namePlace(place)} must be the name of an environment variable`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(value)) {
      throw new SettingsFault(place, rule, quoteReceived(value));
    }
    return { kind: 'env', name: value, place };
  },
};

/** The one of several that is there. */
export function onlyOne(
  sources: Readonly<Record<string, Source | undefined>>,
  place: Place,
): Source {
  const given = Object.values(sources).filter((source) => source !== undefined);
  const [only] = given;
  if (only !== undefined && given.length === 1) return only;
  const names = Object.keys(sources).map((name) => `"${name}"`);
  const rule = `${namePlace(place)} must have exactly one of ${names.join(', ')}`;
  throw new SettingsFault(place, rule, given.length === 0 ? 'none' : `${given.length}`);
}
