/**
 * What a folder says about itself: its `.kbp_config` → Manifest (docs/spec/folders.md, 4). Pure.
 * The result is plain data: it crosses threads by structured cloning.
 */
import { inBytes } from '../amounts.ts';
import { TerrafirmaError } from '../errors.ts';
import { foldName, quoteReceived } from '../names.ts';

export const manifestName = '.kbp_config';

export interface Permissions {
  readonly read: boolean;
  readonly list: boolean;
}

export type PasswordHash =
  | { readonly kind: 'bcrypt'; readonly hash: string }
  /** `digestHex` is SHA-256 of the salt's 12 bytes, then the password. */
  | { readonly kind: 'sha256'; readonly saltHex: string; readonly digestHex: string };

export interface ManifestUser {
  readonly name: string;
  readonly passwordHash: PasswordHash;
}

export interface PathConfig {
  /** The cleaned path below the folder; none for its root. */
  readonly segments: readonly string[];
  /** The same, folded: as a file system that ignores case compares names. */
  readonly foldedSegments: readonly string[];
  readonly anonymous: Permissions;
  /** Added to `anonymous` for that user. */
  readonly additional: readonly { readonly user: string; readonly permissions: Permissions }[];
  /** Whether answers under the path carry `Access-Control-Allow-Origin: *`. */
  readonly allowsAnyOrigin: boolean;
  readonly custom403: string | undefined;
  readonly custom404: string | undefined;
}

export interface Manifest {
  /** Whether the folder has a `.kbp_config` at all. */
  readonly isConfigured: boolean;
  /** Whether anybody may read at `/`; paths below may say otherwise: `mayReadAnonymously`. */
  readonly anonymousRead: boolean;
  readonly users: readonly ManifestUser[];
  /** The deepest configured ancestor of a path decides alone; nothing is merged. */
  readonly paths: readonly PathConfig[];
}

/** A request looks at every configured path, so their number is its cost. */
const pathConfigsMax = 256;
const usersMax = 1_000;
const noPermissions: Permissions = Object.freeze({ read: false, list: false });
const bcryptPattern = /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;
const sha256Pattern = /^sha256:([0-9a-fA-F]{24}):([0-9a-fA-F]{64})$/;

/**
 * Reads a `.kbp_config`. `undefined` means that there is none: then everybody may read. A file
 * without an entry for `/` gives its root no permission. Fields that are not of the format are
 * refused, because a misspelled rule must not look like one that holds.
 *
 * @param bytesMax Limit of the file's size in bytes.
 * @throws TerrafirmaError `bad-manifest`.
 */
export function parseManifest(bytes: Uint8Array | undefined, bytesMax: number): Manifest {
  if (bytes === undefined) return openManifest;
  if (bytes.length > bytesMax) throw bad(`must be at most ${inBytes(bytesMax)}`, `${bytes.length}`);
  const file = readFields(parseJson(bytes), {
    at: 'the file',
    known: ['version', 'users', 'per_path_configs', 'acls'],
  });
  if (file.get('version') !== 'v1') throw bad('"version" must be "v1"', show(file.get('version')));
  if (file.has('per_path_configs') && file.has('acls')) {
    throw bad('only one of "per_path_configs" and "acls" may be given', 'both');
  }
  const users = parseUsers(file.get('users'));
  const names = new Set(users.map((user) => user.name));
  const paths = parsePaths(file.get('per_path_configs') ?? file.get('acls'), names);
  return deepFreeze({
    isConfigured: true,
    anonymousRead: deepestAncestor(paths, [])?.anonymous.read ?? false,
    users,
    paths,
  });
}

/**
 * Whether anybody may read `segments` (decoded, none for the root). The deepest configured ancestor
 * decides. A file system that ignores case would open `/Private/x` under the rule of `/`, where the
 * owner closed `/private`: so the deepest ancestors by folded name must agree as well.
 */
export function mayReadAnonymously(manifest: Manifest, segments: readonly string[]): boolean {
  const { paths } = manifest;
  if (paths.length === 0) return manifest.anonymousRead;
  if (deepestAncestor(paths, segments)?.anonymous.read !== true) return false;
  if (paths.every((path) => path.anonymous.read)) return true;
  const folded = segments.map(foldName);
  const alike = paths.filter((path) => isPrefix(path.foldedSegments, folded));
  const depth = Math.max(...alike.map((path) => path.segments.length));
  return alike.every((path) => path.segments.length < depth || path.anonymous.read);
}

function deepestAncestor(
  paths: readonly PathConfig[],
  segments: readonly string[],
): PathConfig | undefined {
  let deepest: PathConfig | undefined;
  for (const path of paths) {
    if (!isPrefix(path.segments, segments)) continue;
    if (deepest === undefined || path.segments.length > deepest.segments.length) deepest = path;
  }
  return deepest;
}

function isPrefix(prefix: readonly string[], segments: readonly string[]): boolean {
  return prefix.every((segment, index) => segment === segments[index]);
}

function parseUsers(value: unknown): readonly ManifestUser[] {
  const entries = readEntries(value, '"users"');
  if (entries.length > usersMax) throw bad(`at most ${usersMax} users`, `${entries.length}`);
  return entries.map(([name, hash]) => ({ name, passwordHash: parseHash(name, hash) }));
}

/** What was received is not quoted: it is the owner's secret, and visitors read the detail. */
function parseHash(name: string, value: unknown): PasswordHash {
  if (typeof value === 'string' && bcryptPattern.test(value))
    return { kind: 'bcrypt', hash: value };
  const [, saltHex, digestHex] =
    (typeof value === 'string' ? sha256Pattern.exec(value) : null) ?? [];
  if (saltHex !== undefined && digestHex !== undefined) {
    return {
      kind: 'sha256',
      saltHex: saltHex.toLowerCase(),
      digestHex: digestHex.toLowerCase(),
    };
  }
  const rule = `the password of user ${quoteReceived(name)} must be a bcrypt hash ("$2a$…") or`;
  throw bad(`${rule} "sha256:<24 hex>:<64 hex>"`, 'something else');
}

function parsePaths(value: unknown, users: ReadonlySet<string>): readonly PathConfig[] {
  const entries = readEntries(value, '"per_path_configs"');
  if (entries.length > pathConfigsMax) {
    throw bad(`at most ${pathConfigsMax} configured paths`, `${entries.length}`);
  }
  const seen = new Set<string>();
  return entries.map(([path, config]) => {
    const segments = cleanPath(path);
    const cleaned = `/${segments.join('/')}`;
    if (seen.has(cleaned)) throw bad('a path may be configured only once', quoteReceived(cleaned));
    seen.add(cleaned);
    return parsePathConfig(config, { segments, users, at: `the path ${quoteReceived(path)}` });
  });
}

function parsePathConfig(
  value: unknown,
  place: {
    readonly segments: readonly string[];
    readonly users: ReadonlySet<string>;
    readonly at: string;
  },
): PathConfig {
  const { segments, users, at } = place;
  const known = [
    'anonymous_permissions',
    'whitelist_additional_permissions',
    'Access-Control-Allow-Origin',
    'custom_403_forbidden',
    'custom_404_not_found',
  ];
  const config = readFields(value, { at, known });
  const origin = config.get('Access-Control-Allow-Origin') ?? '';
  if (origin !== '' && origin !== '*') {
    throw bad(`"Access-Control-Allow-Origin" of ${at} must be "" or "*"`, show(origin));
  }
  const additional = readEntries(config.get('whitelist_additional_permissions'), `users of ${at}`);
  return {
    segments,
    foldedSegments: segments.map(foldName),
    anonymous: parsePermissions(config.get('anonymous_permissions'), at),
    additional: additional.map(([user, permissions]) => {
      if (!users.has(user)) throw bad(`every user of ${at} must be in "users"`, show(user));
      return { user, permissions: parsePermissions(permissions, at) };
    }),
    allowsAnyOrigin: origin === '*',
    custom403: parsePage(config.get('custom_403_forbidden'), at),
    custom404: parsePage(config.get('custom_404_not_found'), at),
  };
}

function parsePermissions(value: unknown, at: string): Permissions {
  if (value === undefined || value === '') return noPermissions;
  const words = typeof value === 'string' ? value.split(',') : [];
  if (words.length === 0 || !words.every((word) => word === 'read' || word === 'list')) {
    throw bad(`permissions of ${at} must be "", "read", "list" or "read,list"`, show(value));
  }
  return { read: words.includes('read'), list: words.includes('list') };
}

/** A page is named and checked; it is not shown yet. */
function parsePage(value: unknown, at: string): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw bad(`pages of ${at} must be paths`, show(value));
  return cleanPath(value).join('/');
}

/** '', '.' and '/' are the root; doubled slashes and '.' fall away; '..' is refused. */
function cleanPath(path: string): readonly string[] {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..') || path.includes('\0')) {
    throw bad('paths must stay inside the folder', quoteReceived(path));
  }
  return segments;
}

/** Only the place of a fault is told: V8 quotes the text around it, maybe a password hash. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const place = cause instanceof Error ? /position \d+/.exec(cause.message)?.[0] : undefined;
    throw bad('must be JSON in UTF-8', place ? `a fault at ${place}` : 'something else');
  }
}

function readFields(
  value: unknown,
  place: { readonly at: string; readonly known: readonly string[] },
): ReadonlyMap<string, unknown> {
  if (value === null) throw bad(`${place.at} must be a JSON object`, 'null');
  const fields = new Map(readEntries(value, place.at));
  for (const name of fields.keys()) {
    if (!place.known.includes(name)) {
      throw bad(`${place.at} may hold only ${place.known.join(', ')}`, quoteReceived(name));
    }
  }
  return fields;
}

/** The entries of a JSON object; absent and null, which the format's own tool writes, are none. */
function readEntries(value: unknown, at: string): readonly (readonly [string, unknown])[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw bad(`${at} must be a JSON object`, describeKind(value));
  }
  return Object.entries(value);
}

function show(value: unknown): string {
  if (typeof value === 'string') return quoteReceived(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return describeKind(value);
}

/** For values that might hold a password hash. */
function describeKind(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

function bad(rule: string, received: string): TerrafirmaError {
  const detail = `Cannot serve the folder: ${manifestName}: ${rule}: received ${received}`;
  return new TerrafirmaError('bad-manifest', detail);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

const openManifest: Manifest = deepFreeze({
  isConfigured: false,
  anonymousRead: true,
  users: [],
  paths: [],
});
