import { TerrafirmaError } from '../errors.ts';
import { isServedName } from './file-names.ts';
import { quoteReceived } from './quote.ts';

/** Canonical identity, e.g. `/keybase/private/alice,kbwasm/sub`; in folder mode see below. */
export type FolderKey = string & { readonly folderKey: unique symbol };

/**
 * A folder as a TXT record names it. Under `/keybase` the parts are those of KBFS; under any other
 * prefix (`--mount /shared=/srv/shared`) the type is `plain`, there is no TLF and the whole rest is
 * the subpath.
 */
export interface FolderPath {
  /** The first segment with its slash, e.g. `/keybase`. */
  readonly prefix: string;
  readonly type: 'private' | 'public' | 'team' | 'plain';
  /** Spelled as in the record; '' when plain. */
  readonly tlf: string;
  readonly canonicalTlf: string;
  /** Sorted user names; a team's one name; none when plain. */
  readonly writers: readonly string[];
  readonly readers: readonly string[];
  readonly subpath: readonly string[];
  readonly key: FolderKey;
}

/** The members of a TLF as sets, so that two spellings can be compared. */
export interface TlfName {
  readonly canonical: string;
  readonly writers: readonly string[];
  readonly readers: readonly string[];
}

const keybaseRoot = 'keybase';
const folderPathCharsMax = 1_024;
const folderPathSegmentsMax = 32;
const tlfMembersMax = 64;
const userName = /^[a-z0-9_]{1,64}$/;
const teamName = /^[a-z0-9_]{1,64}(?:\.[a-z0-9_]{1,64}){0,15}$/;

/** The key of a folder that is served by its path on this machine alone. */
export function localFolderKey(absolutePath: string): FolderKey {
  return `/local${absolutePath}` as FolderKey;
}

/**
 * Reads the value of a record: `/keybase/<private|public|team>/<tlf>[/<subpath>]`
 * (docs/spec/folders.md, 1.4), or another prefix with an ordinary path behind it. One final slash
 * is fine. Each segment of a subpath follows the served-name rule of the files, plus ',' and '#':
 * so no hidden, virtual (`.kbfs_…`) or empty segments, no '..', spaces, backslashes or NUL.
 *
 * @throws TerrafirmaError `bad-record`.
 */
export function parseFolderPath(text: string): FolderPath {
  const value = text.trim();
  if (value.startsWith('git@')) {
    throw badRecord('git roots not supported; name the folder itself', value);
  }
  if (!value.startsWith('/')) throw badRecord('must begin with "/"', value);
  if (value.length > folderPathCharsMax) {
    throw badRecord(`must be at most ${folderPathCharsMax} characters`, value);
  }
  const unslashed = value.endsWith('/') ? value.slice(0, -1) : value;
  const segments = unslashed.slice(1).split('/');
  if (segments.length > folderPathSegmentsMax) {
    throw badRecord(`must have at most ${folderPathSegmentsMax} segments`, value);
  }
  const [prefix = '', ...rest] = segments;
  if (prefix === keybaseRoot) return parseKeybasePath(rest, value);
  checkSegments(segments, value);
  const key = `/${segments.join('/')}` as FolderKey;
  const noTlf = { tlf: '', canonicalTlf: '', writers: [], readers: [] };
  return { prefix: `/${prefix}`, type: 'plain', ...noTlf, subpath: rest, key };
}

function parseKeybasePath(rest: readonly string[], value: string): FolderPath {
  const [type, tlf = '', ...subpath] = rest;
  if (type !== 'private' && type !== 'public' && type !== 'team') {
    throw badRecord('after /keybase must come "private", "public" or "team"', value);
  }
  const name = parseTlf(type, tlf);
  if (name === undefined) {
    const rule = {
      private: 'the folder must be user names joined with ",", then optionally "#" and readers',
      public: 'the folder must be user names joined with ","',
      team: 'the folder must be one team name',
    }[type];
    throw badRecord(`${rule}; plain user names only`, value);
  }
  checkSegments(subpath, value);
  const { canonical, writers, readers } = name;
  const key = ['', keybaseRoot, type, canonical, ...subpath].join('/') as FolderKey;
  return {
    prefix: `/${keybaseRoot}`,
    type,
    tlf,
    canonicalTlf: canonical,
    writers,
    readers,
    subpath,
    key,
  };
}

/**
 * The canonical form of a TLF name (docs/spec/folders.md, 2): lower case, writers sorted, readers
 * sorted behind '#' and only under `private`; a member listed twice counts once, one listed as both
 * is a writer. Undefined when it is not such a name: assertions (`alice@twitter`) only Keybase can
 * resolve, and a space begins the suffix of a conflicted or reset folder.
 */
export function parseTlf(type: 'private' | 'public' | 'team', tlf: string): TlfName | undefined {
  const lower = tlf.toLowerCase();
  if (type === 'team') {
    if (!teamName.test(lower)) return undefined;
    return { canonical: lower, writers: [lower], readers: [] };
  }
  const [writerPart = '', readerPart, ...more] = lower.split('#');
  if (more.length > 0 || (readerPart !== undefined && type !== 'private')) return undefined;
  const listedWriters = writerPart.split(',');
  const listedReaders = readerPart === undefined ? [] : readerPart.split(',');
  const members = [...listedWriters, ...listedReaders];
  if (members.length > tlfMembersMax) return undefined;
  if (!members.every((member) => userName.test(member))) return undefined;
  const writers = [...new Set(listedWriters)].sort();
  const readers = [...new Set(listedReaders)].filter((name) => !writers.includes(name)).sort();
  const canonical = [writers.join(','), ...(readers.length > 0 ? [readers.join(',')] : [])];
  return { canonical: canonical.join('#'), writers, readers };
}

/**
 * A path below a folder as people type it, with the TLF in its canonical spelling:
 * `/keybase/private/you,bot/a.wasm` is in the folder that is called `bot,you`. Others stay as they
 * are.
 */
export function canonicalSpelling(text: string): string {
  const [, type, tlf = '', rest = ''] =
    /^\/keybase\/(private|public|team)\/([^/]+)(\/.*)?$/s.exec(text) ?? [];
  if (type === undefined) return text;
  const name = parseTlf(type as 'private' | 'public' | 'team', tlf);
  return name === undefined ? text : `/keybase/${type}/${name.canonical}${rest}`;
}

/** The segments of the record from the prefix on, with the TLF in its canonical spelling. */
export function folderSegments(path: FolderPath): readonly string[] {
  return path.key.slice(1).split('/');
}

/**
 * Picks the one `kbp=` among the TXT values of a name, each already joined from its strings
 * (docs/spec/folders.md, 1.2): trimmed, key in this case only, an empty value counts as absent. A
 * value that was meant as one but is not is refused with what was received, not passed over.
 *
 * @param recordName The DNS name, for the sentence that says what to set.
 * @throws TerrafirmaError `no-record`, or `bad-record` for several values or a malformed one.
 */
export function parseRecord(
  values: readonly string[],
  key: string,
  recordName = '_keybase_pages.<host name>',
): FolderPath {
  const start = `${key}=`;
  const found = values
    .map((value) => value.trim())
    .filter((value) => value.startsWith(start))
    .map((value) => value.slice(start.length).trim())
    .filter((value) => value !== '');
  const [value, second] = found;
  if (value === undefined) {
    const meant = values.find((one) => isMeantAs(one, key));
    if (meant === undefined) throw noRecord(recordName, key, values);
    const rule = `it must begin with ${start}, in this case and without quotes or spaces`;
    throw badRecord(`${rule} (set ${recordName} TXT "${start}/keybase/private/you,bot/")`, meant);
  }
  if (second !== undefined) {
    const firstTwo = `${quoteReceived(value)} and ${quoteReceived(second)}`;
    const rule = `${recordName} must have exactly one ${start} value`;
    throw new TerrafirmaError(
      'bad-record',
      `Cannot find the folder: ${rule}: received ${found.length}, the first two ${firstTwo}`,
    );
  }
  return parseFolderPath(value);
}

/** The failure that tells the owner which record to set, and what is there instead. */
export function noRecord(
  recordName: string,
  key: string,
  values: readonly string[] = [],
): TerrafirmaError {
  const example = `${recordName} TXT "${key}=/keybase/private/you,bot/"`;
  const [other] = values;
  const received = other === undefined ? '' : `; received only ${quoteReceived(other)}`;
  return new TerrafirmaError(
    'no-record',
    `Cannot find the folder of this host name: no TXT record begins with ${key}=: ` +
      `set ${example}${received}`,
  );
}

/**
 * Whether somebody meant `value` as a record: panels of DNS providers add quotes, word processors
 * make them typographic, phones write the first letter large.
 */
function isMeantAs(value: string, key: string): boolean {
  const bare = value.replaceAll(/[\s"'`\p{Pi}\p{Pf}\u201a\u201e\u200b\ufeff\\]/gu, '');
  const start = `${key}=`;
  return bare.length > start.length && bare.toLowerCase().startsWith(start.toLowerCase());
}

function checkSegments(segments: readonly string[], value: string): void {
  for (const segment of segments) {
    if (!isServedName(segment.replaceAll(/(?<=.)[,#]/g, '-'))) {
      const rule =
        'each part of the path must begin with a letter, digit or "_" and hold only those, ' +
        '".", "-", "," and "#"';
      throw badRecord(rule, value);
    }
  }
}

function badRecord(rule: string, value: string): TerrafirmaError {
  const received = quoteReceived(value);
  return new TerrafirmaError(
    'bad-record',
    `Cannot find the folder: the TXT record is malformed: ${rule}: received ${received}`,
  );
}
