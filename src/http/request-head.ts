/**
 * From node's parsed request to ours: everything a visitor sends in the head is checked and
 * bounded here, once. Pure.
 */

import { isIPv6 } from 'node:net';
import { inBytes } from '../amounts.ts';
import { TerrafirmaError } from '../errors.ts';
import { type HostName, quoteReceived, withoutSecrets } from '../names.ts';
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

/** What only the daemon says to guests, whoever stands before it. */
const daemonsHeaders = ['x-terrafirma-cron', 'x-terrafirma-scheduled-at'];
const droppedAlways = new Set([...connectionHeaders, ...daemonsHeaders]);

/** What only a trusted proxy may say about the visitor: guests believe these. */
const droppedHeaders = new Set([
  ...connectionHeaders,
  ...daemonsHeaders,
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
]);

const utf8OrError = { fatal: true, ignoreBOM: true };

/** Nearly all of them: a name or an IPv4 address, perhaps a port, which the groups hold. */
const plainAuthority = /^(?=\.*[\w-])[\w.-]+(?::(\d{1,5}))?$/;
/**
 * What RFC 3986, section 3.2, lets an authority be, in UTF-8 and without what no host has: user
 * info, percent signs, and the marks `!$&'()*+,;=`, which guests would copy into pages. The groups
 * hold the address of `[::1]` and the port.
 */
const authorityPattern = new RegExp(
  String.raw`^(?:(?=\.*[^.:])(?:[\w.~-]|[^\0-\x7f\p{Cc}\p{Cf}\p{Z}]|[\u200c\u200d])+` +
    String.raw`|\[([\da-f:.]+)\])(?::(\d{0,5}))?$`,
  'iu',
);
const portMax = 65_535;

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
  hostNameOf: (authority: string) => HostName | undefined = () => undefined,
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
  const named = host === undefined ? '' : readAuthority(host);
  const asked = authority === undefined ? named : readAuthority(authority);
  return {
    ...context,
    method,
    httpVersion,
    target,
    headers,
    query: queryOf(target),
    scriptName: '',
    pathInfo: '',
    authority: asked,
    hostName: hostNameOf(asked),
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
  const [, authority = '', rest = ''] = absolute;
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority };
}

/**
 * Node hands bytes on as latin1, one character each. A host name that is not ASCII was meant as
 * UTF-8 (RFC 3986, section 3.2.2); read as latin1 it would be another name.
 */
function readAuthority(raw: string): string {
  const plain = plainAuthority.exec(raw);
  if (plain !== null && isPort(plain[1])) return raw;
  let authority: string;
  try {
    authority = new TextDecoder('utf-8', utf8OrError).decode(Buffer.from(raw, 'latin1'));
  } catch (cause) {
    throw badHost('the host name must be ASCII or UTF-8', raw, cause);
  }
  const [whole, address, port] = authorityPattern.exec(authority) ?? [];
  // Programs take it apart once more, and fail at what only looks like an address or a port.
  const isHost = whole !== undefined && (address === undefined || isIPv6(address));
  if (isHost && isPort(port)) return authority;
  throw badHost('it must name a host, and perhaps a port', authority);
}

function isPort(port: string | undefined): boolean {
  return port === undefined || Number(port) <= portMax;
}

function badHost(rule: string, authority: string, cause?: unknown): TerrafirmaError {
  const received = quoteReceived(withoutSecrets(authority));
  const detail = `Cannot serve the request: ${rule}: received ${received}`;
  return new TerrafirmaError('bad-host', detail, { cause });
}

function twoHosts(first: string, second: string): TerrafirmaError {
  const [one, other] = [first, second].map((host) => quoteReceived(withoutSecrets(host)));
  return new TerrafirmaError(
    'bad-host',
    `Cannot serve the request: it needs one Host header: received ${one} and ${other}`,
  );
}
