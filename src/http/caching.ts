/**
 * What HTTP says about keeping a response and giving it again (RFC 9111), for a cache that many
 * share and that speaks for the server: it obeys Surrogate-Control first. Pure.
 */
import { type CacheDirectives, parseCacheControl, secondsOf } from './cache-control.ts';
import { parseHttpDate } from './date.ts';
import { combinedField, firstField } from './fields.ts';
import type { Header } from './message.ts';

/** A request or a response, names in lower case. */
export interface CacheableRequest {
  readonly method: string;
  readonly headers: readonly Header[];
}

export interface CacheableResponse {
  readonly status: number;
  readonly headers: readonly Header[];
}

/** How long a response may be kept, and by what it varies. Times in milliseconds. */
export interface CachePolicy {
  readonly maxAgeMs: number;
  readonly initialAgeMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Names in lower case. */
  readonly varyBy: readonly string[];
  readonly surrogateKeys: readonly string[];
  /** As the response says it. */
  readonly knownBytes: number | undefined;
}

/**
 * `store`; `not-now`: this one is not kept, the next may be; `never`: whatever comes from there is
 * for one person, so that nobody should wait for another's.
 */
export type Storability = 'store' | 'not-now' | 'never';

/** Kept without being told for how long. */
const defaultMaxAgeMs = 120_000;
/** As Fastly keeps them: those of RFC 9110, section 15.1, that have a body worth keeping. */
const keptStatuses: ReadonlySet<number> = new Set([200, 203, 300, 301, 302, 404, 410]);
const surrogateKeysMax = 1_000;
/**
 * Names that an object may vary by. Each is looked for at every lookup of its key, by the one
 * thread that keeps the caches of all sites.
 */
export const varyNamesMax = 64;

/** Whether responses to such a request are kept at all, as far as one can say beforehand. */
export function isCacheableRequest({ method }: CacheableRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** `isForced`: somebody has said for how long, whatever the response says of it. */
export function storabilityOf(
  request: CacheableRequest,
  response: CacheableResponse,
  isForced = false,
): Storability {
  if (!keptStatuses.has(response.status)) return 'not-now';
  const { headers } = response;
  if (varyOf(headers) === undefined) return 'never';
  if (isForced) return 'store';
  // A cookie is for one person; whoever gives the same one to all says so to caches like us.
  const control = parseCacheControl(combinedField(headers, 'cache-control'));
  const surrogate = parseCacheControl(firstField(headers, 'surrogate-control'));
  if (isForSurrogates(surrogate)) return 'store';
  if (control.has('private') || control.has('no-store')) return 'never';
  if (firstField(headers, 'set-cookie') !== undefined) return 'never';
  const isPublic = ['public', 's-maxage', 'must-revalidate'].some((name) => control.has(name));
  // RFC 9111, section 3.5.
  if (firstField(request.headers, 'authorization') !== undefined && !isPublic) return 'never';
  return 'store';
}

export function cachePolicyOf({ headers }: CacheableResponse, nowMs: number): CachePolicy {
  const control = parseCacheControl(combinedField(headers, 'cache-control'));
  const surrogate = parseCacheControl(combinedField(headers, 'surrogate-control'));
  const first = (name: string): number =>
    (secondsOf(surrogate, name) ?? secondsOf(control, name) ?? 0) * 1_000;
  const length = firstField(headers, 'content-length') ?? '';
  return {
    maxAgeMs: maxAgeOf(headers, { surrogate, control, nowMs }),
    initialAgeMs: ageOf(headers),
    staleWhileRevalidateMs: mustRevalidate(control, surrogate)
      ? 0
      : first('stale-while-revalidate'),
    staleIfErrorMs: mustRevalidate(control, surrogate) ? 0 : first('stale-if-error'),
    varyBy: varyOf(headers) ?? [],
    surrogateKeys: surrogateKeysOf(combinedField(headers, 'surrogate-key')),
    knownBytes: /^\d{1,15}$/.test(length) ? Number(length) : undefined,
  };
}

/** Each once, from a list with spaces between. */
export function surrogateKeysOf(text: string | undefined): readonly string[] {
  const keys = new Set((text ?? '').split(/[\s,]+/).filter((key) => key !== ''));
  return [...keys].slice(0, surrogateKeysMax);
}

/** Names that Vary lists; undefined where nothing will ever match (`*`), or too many. */
function varyOf(headers: readonly Header[]): readonly string[] | undefined {
  const names = (combinedField(headers, 'vary') ?? '').split(',').map((name) => name.trim());
  if (names.includes('*')) return undefined;
  const listed = new Set(names.filter((name) => name !== '').map((name) => name.toLowerCase()));
  return listed.size > varyNamesMax ? undefined : [...listed].sort();
}

/** RFC 9111, section 4.2.1; the time of day of the server counts only for Expires. */
function maxAgeOf(
  headers: readonly Header[],
  told: {
    readonly surrogate: CacheDirectives;
    readonly control: CacheDirectives;
    readonly nowMs: number;
  },
): number {
  const { control, nowMs, surrogate } = told;
  const own = secondsOf(surrogate, 'max-age');
  if (own !== undefined) return own * 1_000;
  if (control.has('no-cache')) return 0;
  const shared = secondsOf(control, 's-maxage') ?? secondsOf(control, 'max-age');
  if (shared !== undefined) return shared * 1_000;
  const expires = firstField(headers, 'expires');
  if (expires === undefined) return defaultMaxAgeMs;
  const endMs = parseHttpDate(expires, nowMs);
  const sentMs = parseHttpDate(firstField(headers, 'date') ?? '', nowMs) ?? nowMs;
  // RFC 9111, section 5.3: what is no date, such as 0, is past.
  return endMs === undefined ? 0 : Math.max(0, endMs - sentMs);
}

function ageOf(headers: readonly Header[]): number {
  const age = firstField(headers, 'age') ?? '';
  return /^\d{1,10}$/.test(age) ? Number(age) * 1_000 : 0;
}

function isForSurrogates(surrogate: CacheDirectives): boolean {
  return secondsOf(surrogate, 'max-age') !== undefined && !surrogate.has('no-store');
}

function mustRevalidate(control: CacheDirectives, surrogate: CacheDirectives): boolean {
  if (secondsOf(surrogate, 'max-age') !== undefined) return false;
  return control.has('must-revalidate') || control.has('proxy-revalidate');
}
