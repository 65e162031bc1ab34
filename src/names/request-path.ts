import { TerrafirmaError } from '../errors.ts';
import {
  foldName,
  isServedName,
  isSettingsName,
  isStaticName,
  segmentBytesMax,
  wellKnownDirectory,
} from './file-names.ts';
import { quoteReceived, withoutSecrets } from './quote.ts';

/** Relative, '/'-joined, e.g. `dir/hello.wasm`. */
export type ModulePath = string & { readonly modulePath: unique symbol };

export interface RequestPath {
  /** Decoded; no empty, '.' or '..' among them. With a module: up to and including its file. */
  readonly segments: readonly string[];
  /** Ends with '/' (or is '/'); false with a module. */
  readonly isDirectory: boolean;
  /** Up to and including the first segment that ends in '.wasm'. */
  readonly modulePath: ModulePath | undefined;
  /** The decoded rest after the module: '' or begins with '/'. */
  readonly pathInfo: string;
  /** Of `hello.wasm@3f5a9c1d`: the first digits of the version that is meant. */
  readonly version?: string;
  /** Raw, without '?'. */
  readonly query: string;
}

/**
 * Reads an origin-form target (RFC 9112, section 3.2.1): split at the first '?', each segment
 * percent-decoded exactly once. The first segment that ends in `.wasm`, or in `.wasm@` and the
 * digits of a version, names the module, and the rest is the guest's own: it may hold dots, empty
 * segments and encoded slashes, because no file is ever opened by it. Before the module, and in
 * every other path, nothing is forgiven: a doubled slash, a dot segment or an encoded slash is how
 * one path pretends to be another.
 *
 * @throws TerrafirmaError `bad-path`: not a valid path. `forbidden-path`: dot names but for
 * `/.well-known/`, the folder's and the daemon's own files. `not-found`: names that are never
 * served, such as conflict copies, temporaries and every alias of a module (`hello.WASM`) that
 * could show its raw bytes.
 */
export function parseRequestPath(target: string): RequestPath {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  if (!path.startsWith('/')) throw badPath('must begin with "/"', target);
  if (!/^[\x21-\x7e]+$/.test(path)) throw badPath('must be ASCII without spaces', target);
  if (/[#\\]/.test(path)) throw badPath('must not hold "#" or "\\"', target);
  checkQuery(query, target);
  const rawSegments = path.slice(1).split('/');
  const segments: string[] = [];
  for (const [index, raw] of rawSegments.entries()) {
    const isLast = index === rawSegments.length - 1;
    if (raw === '' && isLast) return { ...nothing, segments, isDirectory: true, query };
    const segment = decodeSegment(raw, target);
    segments.push(segment);
    if (index === 0 && isWellKnown(segment)) continue;
    if (index === 1 && isWellKnown(segments[0] ?? '')) checkWellKnownName(segment);
    const [, name, version] = versionAddress.exec(segment) ?? [];
    if (name !== undefined) segments[index] = name;
    if (name !== undefined || segment.endsWith('.wasm')) {
      const rest = rawSegments.slice(index + 1);
      const path = parseModulePath(segments, { rest, query, target });
      return version === undefined ? path : { ...path, version };
    }
    checkStaticName(segment);
  }
  return { ...nothing, segments, isDirectory: false, query };
}

/**
 * The same path with the query of `target`, of which it was read but for that.
 *
 * @throws TerrafirmaError `bad-path`
 */
export function withQuery(path: RequestPath, target: string): RequestPath {
  const query = target.slice(target.indexOf('?') + 1);
  checkQuery(query, target);
  return { ...path, query };
}

function checkQuery(query: string, target: string): void {
  if (!/[^\x21-\x7e\x80-\uffff]/.test(query)) return;
  throw badPath('must have a query without spaces and control characters', target);
}

/** Fewer digits could be a name of the owner's, and guessed. */
const versionAddress = /^(.+\.wasm)@([0-9a-f]{8,64})$/;

/** The validations of certificate authorities (RFC 8555, section 8.3), and our own name. */
const daemonsWellKnown: ReadonlySet<string> = new Set(['acme-challenge', 'terrafirma']);

const nothing = { modulePath: undefined, pathInfo: '' } as const;

function parseModulePath(
  segments: readonly string[],
  parts: { readonly rest: readonly string[]; readonly query: string; readonly target: string },
): RequestPath {
  const { rest, query, target } = parts;
  for (const segment of segments) {
    if (segment.startsWith('.')) throw forbidden(segment);
    if (!isServedName(segment)) throw notFound(segment);
  }
  const pathInfo = rest.map((raw) => `/${decodePercent(raw, target)}`).join('');
  if (pathInfo.includes('\0')) throw badPath('must not hold NUL', target);
  const modulePath = segments.join('/') as ModulePath;
  return { segments, isDirectory: false, modulePath, pathInfo, query };
}

function decodeSegment(raw: string, target: string): string {
  if (raw === '') throw badPath('must not hold "//"', target);
  const segment = decodePercent(raw, target);
  if (segment === '.' || segment === '..') throw badPath('must not hold "." or ".."', target);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (/[\x00-\x1f\x7f-\x9f/\\]/.test(segment)) {
    throw badPath('must not hold encoded "/", "\\" or control characters', target);
  }
  return segment;
}

function decodePercent(raw: string, target: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw badPath('must hold only valid percent-encoded UTF-8', target, { cause });
  }
}

/** Where programs expect files of a site: `security.txt`, `assetlinks.json` (RFC 8615). */
function isWellKnown(segment: string): boolean {
  return segment === wellKnownDirectory;
}

/** A folder's owner answers for its files there, but for what the daemon itself answers. */
function checkWellKnownName(segment: string): void {
  if (daemonsWellKnown.has(foldName(segment))) throw forbidden(segment);
}

function checkStaticName(segment: string): void {
  // First: whoever asks for names of kilobytes must not have them folded and compared.
  if (segment.length > segmentBytesMax) throw notFound(segment);
  const folded = foldName(segment);
  if (folded === '.kbp_config') {
    throw new TerrafirmaError('forbidden-path', 'Reading /.kbp_config directly is forbidden.');
  }
  if (segment.startsWith('.') || folded.startsWith('.')) throw forbidden(segment);
  if (isStaticName(segment)) return;
  throw isSettingsName(segment) ? forbidden(segment) : notFound(segment);
}

function badPath(rule: string, target: string, options?: ErrorOptions): TerrafirmaError {
  const received = quoteReceived(withoutSecrets(target));
  const detail = `Cannot serve the request: its path ${rule}: received ${received}`;
  return new TerrafirmaError('bad-path', detail, options);
}

function forbidden(segment: string): TerrafirmaError {
  const detail = 'Cannot serve that path: such names are never served';
  return new TerrafirmaError('forbidden-path', `${detail}: received ${quoteReceived(segment)}`);
}

function notFound(segment: string): TerrafirmaError {
  const detail = 'Cannot find that path: the name is never served';
  return new TerrafirmaError('not-found', `${detail}: received ${quoteReceived(segment)}`);
}
