/**
 * From node's parsed request to ours: everything a visitor sends in the head is checked and
 * bounded here, once. Pure.
 */

import { Buffer } from 'node:buffer';
import { inBytes } from '../amounts.ts';
import { TerrafirmaError } from '../errors.ts';
import { type HostName, quoteReceived, withoutSecrets } from '../names.ts';
import { readAuthority } from './authority.ts';
import { connectionHeaders, namedByConnection } from './connection-headers.ts';
import type { Header, RequestHead } from './message.ts';
import { queryOf } from './target.ts';

/** What node's parser gives; the smallest shape we use. */
export interface RawHead {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** Names and values in turn, as they stood on the wire. */
  readonly rawHeaders: readonly string[];
}

export interface HeadContext {
  readonly id: string;
  readonly scheme: 'http' | 'https';
  readonly clientAddress: string;
  readonly clientPort: number;
}

export interface HeadLimits {
  /** The request comes from a trusted proxy: what it says about the visitor is kept. */
  readonly keepsForwarded?: boolean;
  readonly targetBytesMax: number;
  readonly headersMax: number;
}

/** A head with its host name parsed; undefined where the authority is none, as an address is. */
export interface ReadHead extends RequestHead {
  readonly hostName: HostName | undefined;
}

/** How authorities are read, which is remembered where they are asked for again and again. */
export interface Authorities {
  /** As `readAuthority`. */
  read(raw: string): string;
  /** The host name of one that was read; undefined where it is none, or nobody wants it. */
  of(authority: string): HostName | undefined;
}

const plainly: Authorities = { read: readAuthority, of: () => undefined };

/** What only the daemon says to guests, whoever stands before it. */
const daemonsHeaders = ['x-terrafirma-cron', 'x-terrafirma-scheduled-at'];
const droppedAlways = new Set([...connectionHeaders, ...daemonsHeaders]);

/** RFC 9110, section 6.5.1: framing, routing, authentication. */
const inHeadAlone = new Set(['content-length', 'host', 'authorization', 'cookie', 'cdn-loop']);

/** What only a trusted proxy may say about the visitor: guests believe these. */
const droppedHeaders = new Set([
  ...connectionHeaders,
  ...daemonsHeaders,
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
]);

/**
 * Reads the head. The authority of an absolute-form target wins over the Host header, which
 * HTTP/1.1 needs all the same (RFC 9112, section 3.2).
 *
 * @throws TerrafirmaError `bad-request`, `bad-host` (none in HTTP/1.1, two, or no host and port),
 * `uri-too-long`, `headers-too-large`.
 */
export function readRequestHead(
  raw: RawHead,
  context: HeadContext,
  limits: HeadLimits,
  authorities = plainly,
): ReadHead {
  const { method, httpVersion } = raw;
  const { headers, host } = readHeaders(raw, limits);
  const { target, authority } = readTarget(raw, limits);
  if (host === undefined && httpVersion !== '1.0') {
    throw new TerrafirmaError(
      'bad-host',
      'Cannot serve the request: HTTP/1.1 needs a Host header: received none',
    );
  }
  const named = host === undefined ? '' : authorities.read(host);
  const asked = authority === undefined ? named : authorities.read(authority);
  return {
    id: context.id,
    scheme: context.scheme,
    clientAddress: context.clientAddress,
    clientPort: context.clientPort,
    method,
    httpVersion,
    target,
    headers,
    query: queryOf(target),
    scriptName: '',
    pathInfo: '',
    authority: asked,
    hostName: authorities.of(asked),
  };
}

function readHeaders(
  raw: RawHead,
  limits: HeadLimits,
): { readonly headers: readonly Header[]; readonly host: string | undefined } {
  const { rawHeaders } = raw;
  if (rawHeaders.length / 2 > limits.headersMax) {
    throw new TerrafirmaError(
      'headers-too-large',
      `Cannot accept the request: it may have at most ${limits.headersMax} headers: ` +
        `received ${rawHeaders.length / 2}`,
    );
  }
  const dropped = limits.keepsForwarded === true ? droppedAlways : droppedHeaders;
  const headers: Header[] = [];
  let host: string | undefined;
  let connection = '';
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (name === 'host') {
      if (host !== undefined) throw twoHosts(host, value);
      host = value;
    } else if (name === 'connection')
      connection = connection === '' ? value : `${connection},${value}`;
    if (!dropped.has(name)) headers.push([name, value]);
  }
  return { headers: dropNamed(headers, connection), host };
}

/**
 * The fields after a body, without what is about the connection or would be another head's: a
 * visitor could add behind it what a proxy has taken out of it.
 */
export function readTrailers(rawTrailers: readonly string[]): readonly Header[] {
  const trailers: Header[] = [];
  for (let index = 0; index + 1 < rawTrailers.length; index += 2) {
    const name = (rawTrailers[index] ?? '').toLowerCase();
    const isDropped = droppedHeaders.has(name) || inHeadAlone.has(name) || name.startsWith(':');
    if (!isDropped) trailers.push([name, rawTrailers[index + 1] ?? '']);
  }
  return trailers;
}

function dropNamed(headers: Header[], connection: string): readonly Header[] {
  const named = namedByConnection(connection);
  return named.size === 0 ? headers : headers.filter(([name]) => !named.has(name));
}

function readTarget(
  raw: RawHead,
  limits: HeadLimits,
): { readonly target: string; readonly authority: string | undefined } {
  const { url } = raw;
  if (url.length > limits.targetBytesMax) {
    throw new TerrafirmaError(
      'uri-too-long',
      `Cannot accept the request: its target may have at most ${inBytes(limits.targetBytesMax)}: ` +
        `received ${url.length} bytes`,
    );
  }
  if (url.startsWith('/')) return { target: url, authority: undefined };
  const absolute = /^https?:\/\/([^/?#]*)([^#]*)$/i.exec(url);
  if (absolute === null) {
    throw new TerrafirmaError(
      'bad-request',
      'Cannot read the request: its target must be a path or an http URL: ' +
        `received ${quoteReceived(withoutSecrets(url))}`,
    );
  }
  const [, authority = '', path = ''] = absolute.map(copyOf);
  return { target: path.startsWith('/') ? path : `/${path}`, authority };
}

/** Names and paths are remembered: a part of a text would keep all of it, kilobytes for a name. */
function copyOf(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le');
}

function twoHosts(first: string, second: string): TerrafirmaError {
  const [one, other] = [first, second].map((host) => quoteReceived(withoutSecrets(host)));
  return new TerrafirmaError(
    'bad-host',
    `Cannot serve the request: it needs one Host header: received ${one} and ${other}`,
  );
}
