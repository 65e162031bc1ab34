/** What a verb of the admin listener is asked, and what it answers. Touches nothing. */
import type { IncomingHttpHeaders } from 'node:http';
import { TerrafirmaError } from '../errors.ts';
import { quoteReceived } from '../names.ts';
import type { EventStream } from './event-stream.ts';

/** How whoever asks has shown that he may. */
export type Actor = 'socket' | 'token' | 'session' | 'anybody' | `owner ${string}`;

export interface AdminRequest {
  readonly method: string;
  /** What stands in the places of the route's `{}`, decoded. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly actor: Actor;
  /** Of whoever asks; empty by a socket. */
  readonly address: string;
  readonly body: Uint8Array;
}

export type AdminReply =
  | {
      readonly kind: 'json';
      readonly status?: number;
      readonly value: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'bytes';
      readonly status?: number;
      readonly mediaType: string;
      readonly bytes: Uint8Array | string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Server-sent events, until the client goes or `run` ends the stream. */
  | { readonly kind: 'events'; readonly run: (stream: EventStream) => void };

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Segments after `/`; `{}` stands for any one segment, which may hold an encoded `/`. */
  readonly path: string;
  /** Whether a listener for numbers alone has it, too, without a token. */
  readonly isPublic?: boolean;
  /** Whether it needs no token anywhere. */
  readonly isOpen?: boolean;
  /** Whether a body is no JSON but what is to be stored. */
  readonly takesBytes?: boolean;
  readonly answer: (request: AdminRequest) => AdminReply | Promise<AdminReply>;
}

const schemaVersion = 1;
/** No list holds the control plane for longer. */
export const rowsMax = 500;

export type JsonReply = Extract<AdminReply, { kind: 'json' }>;

export function json(value: Readonly<Record<string, unknown>>, status = 200): JsonReply {
  return { kind: 'json', status, value: { schemaVersion, ...value } };
}

/** @throws TerrafirmaError `admin-request`. */
export function refuse(rule: string, received: unknown): never {
  const text = typeof received === 'string' ? quoteReceived(received) : JSON.stringify(received);
  throw new TerrafirmaError('admin-request', `Cannot do as asked: ${rule}: received ${text}`);
}

/**
 * @param what It has no article: `host name of the folder`.
 * @param action What cannot be done without it.
 * @throws TerrafirmaError `admin-verb`.
 */
export function notThere(what: string, received: string, action = 'find it'): never {
  throw new TerrafirmaError(
    'admin-verb',
    `Cannot ${action}: there must be such a ${what}: received ${quoteReceived(received)}`,
  );
}

/**
 * The body as an object of JSON; an empty one is an empty object.
 *
 * @throws TerrafirmaError `admin-request`.
 */
export function bodyOf({ body }: AdminRequest): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  const text = Buffer.from(body).toString();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // The same sentence as for what is no object.
  }
  return refuse('the body must be an object of JSON', text);
}

/** @throws TerrafirmaError `admin-request`. */
export function textOf(value: unknown, name: string, charsMax = 1_000): string {
  if (typeof value === 'string' && value !== '' && value.length <= charsMax) return value;
  return refuse(`"${name}" must be a text of at most ${charsMax} characters`, value ?? null);
}

/**
 * A number of the query.
 *
 * @throws TerrafirmaError `admin-request`.
 */
export function countOf(
  { query }: Pick<AdminRequest, 'query'>,
  name: string,
  range: { readonly fallback: number; readonly min: number; readonly max: number },
): number {
  const text = query.get(name);
  if (text === null) return range.fallback;
  const value = Number(text);
  const isGood = /^\d+$/.test(text) && value >= range.min && value <= range.max;
  return isGood ? value : refuse(`"${name}" must be from ${range.min} to ${range.max}`, text);
}

/** One page of rows that are sorted by their key: those after `cursor`, and how to go on. */
export function pageOf<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  request: Pick<AdminRequest, 'query'>,
): { readonly rows: readonly Row[]; readonly cursor: string | null } {
  const after = request.query.get('cursor');
  const limit = countOf(request, 'limit', { fallback: rowsMax, min: 1, max: rowsMax });
  const rest = after === null ? rows : rows.filter((row) => keyOf(row) > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const isLast = rest.length <= page.length || last === undefined;
  return { rows: page, cursor: isLast ? null : keyOf(last) };
}
