/** What a guest's request and a server's reply may carry past us. Pure. */

import { Buffer } from 'node:buffer';
import { noBytes } from '../../http/body.ts';
import { connectionHeaders, namedByConnection } from '../../http/connection-headers.ts';
import { isFieldValue } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';
import { isRedirect } from '../../http/status.ts';
import { isToken } from '../../http/token.ts';
import { quoteReceived } from '../../names.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { OutboundRequest } from './contract.ts';
import { refuse } from './refusals.ts';
import { isStreamed } from './sent-body.ts';
import { visitHeader } from './visits.ts';

/** What the HTTP client derives from the body and the connection. */
const framingHeaders: ReadonlySet<string> = new Set(['content-length', 'expect']);

/** What must not reach another origin than the one the guest chose it for. */
const originHeaders: ReadonlySet<string> = new Set(['authorization', 'cookie', 'cookie2', 'host']);

/** What describes a body, dropped together with it (Fetch standard, section 4.4). */
const bodyHeaders: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
  'trailer',
]);

const notTrailing: readonly ReadonlySet<string>[] = [
  connectionHeaders,
  framingHeaders,
  originHeaders,
  bodyHeaders,
];

/** Ports of protocols that can be talked to by HTTP: the Fetch standard's list ("bad ports"). */
const refusedPorts: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
  103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
  512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
  995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 10080,
]);

const loopHeader = 'cdn-loop';
const loopName = 'terrafirma';

/** Requests that a chain of our daemons may make of each other before one is refused. */
export const loopHopsMax = 8;

/**
 * How many of our daemons (this one included) a request has passed already, from its `cdn-loop`
 * headers (RFC 8586). The request road refuses more than `loopHopsMax`: without that a module that
 * fetches its own address would keep the daemon busy with itself.
 */
export function countLoopHops(headers: readonly Header[]): number {
  let hops = 0;
  for (const [name, value] of headers) {
    if (name !== loopHeader) continue;
    for (const entry of value.split(',')) if (isOurs(entry)) hops += 1;
  }
  return hops;
}

/**
 * The headers that go out: checked, without hop-by-hop and framing headers, with the loop guard
 * grown by one and the visit they are part of. What they say of trailers stays where `isChunked`
 * says that there is a place for these.
 *
 * @throws CapabilityRefusal: `input`, or `limit` when there were hops enough
 */
export function requestHeaders(
  headers: readonly Header[],
  options: { readonly hops: number; readonly visit: string; readonly isChunked?: boolean },
): Header[] {
  if (options.hops >= loopHopsMax) {
    const rule = `a request may pass ${loopHopsMax} servers of this kind`;
    throw new CapabilityRefusal('limit', `Cannot fetch: ${rule}: received one that passed them`);
  }
  const named = namedByConnection(connectionOf(headers));
  const kept: Header[] = [];
  let hasAgent = false;
  for (const [givenName, value] of headers) {
    checkHeader(givenName, value);
    const name = givenName.toLowerCase();
    if (name === 'trailer' && options.isChunked === true) {
      const announced = value.split(',').map((each) => each.trim().toLowerCase());
      const sent = announced.filter((each) => isToken(each) && mayTrail(each));
      if (sent.length > 0) kept.push([name, sent.join(', ')]);
      continue;
    }
    if (connectionHeaders.has(name) || framingHeaders.has(name) || named.has(name)) continue;
    if (name === loopHeader) {
      const others = value.split(',').filter((entry) => !isOurs(entry));
      if (others.length > 0) kept.push([name, others.join(',')]);
      continue;
    }
    if (name === visitHeader) continue;
    hasAgent ||= name === 'user-agent';
    kept.push([name, value]);
  }
  if (!hasAgent) kept.push(['user-agent', loopName]);
  kept.push([visitHeader, options.visit]);
  kept.push([loopHeader, Array.from({ length: options.hops + 1 }, () => loopName).join(', ')]);
  return kept;
}

/**
 * The trailers that go out: checked, without what says where a message goes and how it is read.
 * Some servers take them for headers (RFC 9110, section 6.5.1).
 *
 * @throws CapabilityRefusal `input`
 */
export function requestTrailers(trailers: readonly Header[]): Header[] {
  const kept: Header[] = [];
  for (const [givenName, value] of trailers) {
    checkHeader(givenName, value);
    const name = givenName.toLowerCase();
    if (mayTrail(name)) kept.push([name, value]);
  }
  return kept;
}

function mayTrail(name: string): boolean {
  const isOurs = name === loopHeader || name === visitHeader;
  return !isOurs && !notTrailing.some((names) => names.has(name));
}

/** Raw header pairs of a reply as they arrived, without what concerns the connection. */
export function replyHeaders(raw: readonly (string | Uint8Array)[]): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    headers.push([toText(raw[at]).toLowerCase(), toText(raw[at + 1])]);
  }
  const named = namedByConnection(connectionOf(headers));
  return headers.filter(([name]) => !connectionHeaders.has(name) && !named.has(name));
}

/** @throws CapabilityRefusal unless `method` is a method that guests may use; upper case */
export function parseMethod(method: string): string {
  const upper = method.toUpperCase();
  if (!isToken(method)) {
    const rule = 'the method must be an HTTP token';
    throw new CapabilityRefusal(
      'input',
      `Cannot fetch: ${rule}: received ${quoteReceived(method)}`,
    );
  }
  if (upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK') {
    const rule = 'CONNECT, TRACE and TRACK are not for guests';
    throw new CapabilityRefusal('forbidden', `Cannot fetch: ${rule}: received ${upper}`);
  }
  return upper;
}

/** @throws CapabilityRefusal unless `text`, against `base`, is a URL that guests may fetch */
export function parseTarget(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) {
    const rule = 'the URL must be absolute and valid';
    throw new CapabilityRefusal('input', `Cannot fetch: ${rule}: received ${quoteReceived(text)}`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const rule = 'only http and https are allowed';
    throw new CapabilityRefusal('forbidden', `Cannot fetch: ${rule}: received ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') {
    const rule = 'a URL must not hold a password, use the authorization header';
    throw new CapabilityRefusal('input', `Cannot fetch: ${rule}: received one for ${url.host}`);
  }
  if (url.port !== '' && refusedPorts.has(Number(url.port))) {
    const rule = 'the port belongs to another protocol than HTTP';
    throw new CapabilityRefusal('forbidden', `Cannot fetch: ${rule}: received ${url.port}`);
  }
  url.hash = '';
  return url;
}

/**
 * The request that follows a redirect, or undefined when `reply` is none. 301, 302 and 303 become
 * a GET (a HEAD stays one) without body; another origin does not get what was meant for the first.
 */
export function redirected(
  request: OutboundRequest,
  reply: { readonly status: number; readonly headers: readonly Header[] },
): OutboundRequest | undefined {
  if (!isRedirect(reply.status)) return undefined;
  const location = reply.headers.find(([name]) => name === 'location')?.[1];
  if (location === undefined) return undefined;
  const from = new URL(request.url);
  // Servers send UTF-8 in this header too, although HTTP says ASCII.
  const to = parseTarget(Buffer.from(location, 'latin1').toString('utf8'), from);
  const keepsBody = reply.status === 307 || reply.status === 308;
  const headers = request.headers.filter(([name]) => {
    if (from.origin !== to.origin && originHeaders.has(name)) return false;
    return keepsBody || !bodyHeaders.has(name);
  });
  if (keepsBody && isStreamed(request.body)) {
    const rule = 'a body that is sent as it comes cannot be sent again';
    throw refuse('input', rule, `a redirect to ${to.origin} that keeps it`);
  }
  if (keepsBody) return { ...request, url: to.href, headers };
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
  return { ...request, method, url: to.href, headers, body: noBytes };
}

function checkHeader(name: string, value: string): void {
  if (!isToken(name)) {
    const rule = 'a header name must be an HTTP token';
    throw new CapabilityRefusal('input', `Cannot fetch: ${rule}: received ${quoteReceived(name)}`);
  }
  if (!isFieldValue(value)) {
    const rule = `the header ${name} must hold Latin-1 without control characters`;
    throw new CapabilityRefusal('input', `Cannot fetch: ${rule}: received ${quoteReceived(value)}`);
  }
}

function connectionOf(headers: readonly Header[]): string {
  const values = headers.filter(([name]) => name.toLowerCase() === 'connection');
  return values.map(([, value]) => value).join(',');
}

function isOurs(entry: string): boolean {
  return entry.split(';')[0]?.trim().toLowerCase() === loopName;
}

function toText(bytes: string | Uint8Array | undefined): string {
  if (bytes === undefined) return '';
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
}
