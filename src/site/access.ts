/**
 * Who may read what in a folder (docs/spec/folders.md, 4), and the passwords that say who somebody
 * is. Pure. The deepest configured ancestor decides alone; what it gives a user comes on top of
 * what it gives everybody.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { foldName } from '../names.ts';
import { bcryptCost, verifyBcrypt } from './bcrypt.ts';
import {
  type Manifest,
  mayReadAnonymously,
  type PasswordHash,
  type PathConfig,
} from './manifest.ts';

export type Access =
  | { readonly kind: 'granted' }
  /** Somebody may read there, and might be asking: who is it? */
  | { readonly kind: 'login'; readonly realm: string }
  | { readonly kind: 'denied' };

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** A password that takes longer to check is a way to keep the server busy: 2^14 are seconds. */
export const bcryptCostMax = 14;
/** RFC 7617; what is longer is no password that somebody typed. */
const credentialsCharsMax = 2_048;

/**
 * Whether `user` (undefined: nobody in particular) may read `segments`. A file system that ignores
 * case opens `/Private/x` as `/private/x`: so the deepest ancestors by folded name must agree.
 */
export function decideAccess(
  manifest: Manifest,
  segments: readonly string[],
  user: string | undefined,
): Access {
  const { paths } = manifest;
  if (paths.length === 0) return manifest.anonymousRead ? { kind: 'granted' } : { kind: 'denied' };
  const deciding = decidingPaths(paths, segments);
  if (deciding.length > 0 && deciding.every((path) => mayRead(path, user))) {
    return { kind: 'granted' };
  }
  const closed = deciding.find((path) => !mayRead(path, user));
  if (closed === undefined || !deciding.every(mayAnybodyRead)) return { kind: 'denied' };
  return { kind: 'login', realm: `/${closed.segments.join('/')}` };
}

/** Whether answers under `segments` may be read by scripts of any origin. */
export function allowsAnyOrigin(manifest: Manifest, segments: readonly string[]): boolean {
  if (!manifest.paths.some((path) => path.allowsAnyOrigin)) return false;
  const deciding = decidingPaths(manifest.paths, segments);
  return deciding.length > 0 && deciding.every((path) => path.allowsAnyOrigin);
}

/**
 * Whether whoever may read `one` may read `other` as well: one file may stand in for another only
 * then.
 */
export function isReadWith(
  manifest: Manifest,
  one: readonly string[],
  other: readonly string[],
): boolean {
  const { paths } = manifest;
  if (paths.length === 0 || mayReadAnonymously(manifest, other)) return true;
  const [rules, others] = [decidingPaths(paths, one), decidingPaths(paths, other)];
  return others.length === rules.length && others.every((path) => rules.includes(path));
}

/** The deepest configured ancestor by name, and those as deep or deeper by folded name. */
function decidingPaths(
  paths: readonly PathConfig[],
  segments: readonly string[],
): readonly PathConfig[] {
  const exact = deepest(paths.filter((path) => isPrefix(path.segments, segments)));
  if (exact.length === 0) return [];
  const folded = segments.map(foldName);
  const alike = deepest(paths.filter((path) => isPrefix(path.foldedSegments, folded)));
  return [...new Set([...exact, ...alike])];
}

function deepest(paths: readonly PathConfig[]): readonly PathConfig[] {
  const depth = Math.max(0, ...paths.map((path) => path.segments.length));
  return paths.filter((path) => path.segments.length === depth);
}

function isPrefix(prefix: readonly string[], segments: readonly string[]): boolean {
  return prefix.every((segment, index) => segment === segments[index]);
}

function mayRead(path: PathConfig, user: string | undefined): boolean {
  if (path.anonymous.read) return true;
  if (user === undefined) return false;
  return path.additional.some((one) => one.user === user && one.permissions.read);
}

function mayAnybodyRead(path: PathConfig): boolean {
  return path.anonymous.read || path.additional.some((one) => one.permissions.read);
}

/** `WWW-Authenticate`. A path may hold what a quoted string may not. */
export function challengeHeader(realm: string): string {
  const safe = encodeURI(realm.toWellFormed()).replaceAll("'", '%27');
  return `Basic realm="${safe}", charset="UTF-8"`;
}

/** The user and password of an `Authorization` header (RFC 7617); undefined when it has none. */
export function readCredentials(header: string | undefined): Credentials | undefined {
  if (header === undefined || header.length > credentialsCharsMax) return undefined;
  const encoded = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Whether `password` is the one of `hash`; compared in constant time. */
export function verifyPassword(password: string, hash: PasswordHash): boolean {
  if (hash.kind === 'bcrypt') return verifyBcrypt(password, hash.hash);
  const salt = Buffer.from(hash.saltHex, 'hex');
  const digest = createHash('sha256').update(salt).update(password, 'utf8').digest();
  return timingSafeEqual(digest, Buffer.from(hash.digestHex, 'hex'));
}

/** Whether checking `hash` takes longer than anybody may ask for. */
export function isTooCostly(hash: PasswordHash): boolean {
  return hash.kind === 'bcrypt' && (bcryptCost(hash.hash) ?? 0) > bcryptCostMax;
}
