/**
 * A request as environment variables: RFC 3875, section 4.1, and what WAGI adds. One character a
 * byte, as headers stand on the wire; what was decoded is UTF-8.
 */
import { Buffer } from 'node:buffer';
import { splitAuthority } from '../../../http/authority.ts';
import { connectionHeaders } from '../../../http/connection-headers.ts';
import type { Header, RequestHead } from '../../../http/message.ts';
import { pathOf } from '../../../http/target.ts';
import { StringBlock } from '../string-block.ts';

const serverSoftware = 'terrafirma';
/** How the names of variables begin that a request may have: those of headers, and those below. */
const requestName =
  /^(?:HTTP|AUTH|CONTENT|GATEWAY|PATH|QUERY|REMOTE|REQUEST|SCRIPT|SERVER|X)_|^HTTPS$/;

/**
 * Secrets and the connection's own are not shown (RFC 3875, section 4.1.18). `proxy` would become
 * HTTP_PROXY, which libraries take for the operator's own setting: Mallory would send herself
 * everything that the program fetches.
 */
const hiddenHeaders = new Set([
  ...connectionHeaders,
  // The authority stands in its place.
  'host',
  'authorization',
  'proxy',
  'expect',
  // They have variables of their own.
  'content-length',
  'content-type',
]);
/**
 * `x_user` and `x-user` would be one variable: a visitor could set what a proxy in front means to
 * be its own word. Only names that come back to one header are shown.
 */
const shownName = /^[a-z0-9-]+$/;
/** What an instance keeps of its last request's environment, at most; longer names are rare. */
export const commonBytesMax = 2_048;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const notAscii = /[^\0-\x7f]/;

const contentTypeName = 'content-type';
const contentTypePrefix = '\0CONTENT_TYPE=';

/**
 * Headers that nearly all requests have, at most 32: each is a bit of a number. `prefix` is empty
 * where no variable shows them so.
 */
const usualVariables: ReadonlyMap<string, { readonly prefix: string; readonly bit: number }> =
  new Map(
    [
      'accept',
      'accept-encoding',
      'accept-language',
      'cache-control',
      'content-length',
      'content-type',
      'cookie',
      'dnt',
      'host',
      'if-modified-since',
      'if-none-match',
      'origin',
      'pragma',
      'priority',
      'range',
      'referer',
      'sec-ch-ua',
      'sec-ch-ua-mobile',
      'sec-ch-ua-platform',
      'sec-fetch-dest',
      'sec-fetch-mode',
      'sec-fetch-site',
      'sec-fetch-user',
      'sec-gpc',
      'upgrade-insecure-requests',
      'user-agent',
      'via',
      'x-forwarded-for',
      'x-forwarded-proto',
    ].map((name, place) => [name, { prefix: prefixOf(name), bit: 1 << place }]),
  );

export interface CgiSource {
  readonly request: RequestHead;
  /** Of the body, where it is known; 0 without one. */
  readonly bodyBytes: number | undefined;
  /** Whether the request opened a WebSocket: its input has no length. */
  readonly isWebSocket?: boolean;
  /** The owner's own variables; they never replace one of the request. */
  readonly environment: ReadonlyMap<string, string>;
}

/** Whether there may be a request with a variable of that name. */
export function isOfRequests(name: string): boolean {
  return requestName.test(name);
}

/** `NAME=value` of the owner's variables. */
export function listOwners(environment: ReadonlyMap<string, string>): readonly string[] {
  const shown = [...environment].filter(([name]) => variableName.test(name));
  return shown.map(([name, value]) => `${name}=${toBytes(value.replaceAll('\0', ''))}`);
}

/** `NAME=value` of all variables. */
export function listEnvironment(source: CgiSource): readonly string[] {
  return new CgiEnvironment().layOut(source).list();
}

/** What the variables of requests to one program have in common. */
interface Common extends Pick<RequestHead, CommonField> {
  /** Without the last NUL. */
  readonly text: string;
  readonly starts: readonly number[];
}

type CommonField = 'authority' | 'scheme' | 'scriptName' | 'httpVersion';

/**
 * The environments of one program. Most of it is the same for whoever asks: that is laid out once,
 * and again where a request is to another host or path.
 */
export class CgiEnvironment {
  #common: Common | undefined;

  layOut(source: CgiSource): StringBlock {
    const { request, bodyBytes, environment } = source;
    const isWebSocket = source.isWebSocket === true;
    const out = new Variables(this.#commonOf(request));
    const pathInfo = toBytes(request.pathInfo);
    out.add('\0PATH_INFO=', pathInfo);
    out.add('\0PATH_TRANSLATED=', pathInfo);
    out.add('\0X_RAW_PATH_INFO=', rawPathInfo(request));
    out.add('\0QUERY_STRING=', request.query);
    out.add('\0REMOTE_ADDR=', request.clientAddress);
    out.add('\0REMOTE_HOST=', request.clientAddress);
    out.add('\0REMOTE_PORT=', String(request.clientPort));
    out.add('\0REQUEST_METHOD=', request.method);
    out.add('\0REQUEST_URI=', request.target);
    out.add('\0X_FULL_URL=', `${request.scheme}://${request.authority}${request.target}`);
    if (!isWebSocket && bodyBytes !== undefined) out.add('\0CONTENT_LENGTH=', String(bodyBytes));
    if (!addUsual(out, request.headers)) addAny(out, request.headers);
    if (isWebSocket) {
      // The connection's own headers are dropped at the door; this is how a program knows.
      out.add('\0HTTP_CONNECTION=', 'Upgrade');
      out.add('\0HTTP_UPGRADE=', 'websocket');
    }
    if (environment.size > 0) addOwners(out, environment);
    return out.end();
  }

  #commonOf(request: RequestHead): Common {
    const known = this.#common;
    if (known !== undefined && isLike(known, request)) return known;
    const { scheme, httpVersion } = request;
    const { text, starts } = StringBlock.of(listCommon(request));
    const [authority, scriptName] = [ownText(request.authority), ownText(request.scriptName)];
    const block = { text: text.slice(0, -1), starts };
    const common: Common = { authority, scheme, scriptName, httpVersion, ...block };
    if (text.length <= commonBytesMax) this.#common = common;
    return common;
  }

  /** Bytes that are kept for the next request. */
  get keptBytes(): number {
    return this.#common?.text.length ?? 0;
  }
}

/** A copy: what was cut out of a head would keep all of it. */
function ownText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

function isLike(one: Pick<RequestHead, CommonField>, other: RequestHead): boolean {
  return (
    one.authority === other.authority &&
    one.scriptName === other.scriptName &&
    one.scheme === other.scheme &&
    one.httpVersion === other.httpVersion
  );
}

/** Pieces of the text, put together once: texts of two pieces each would be objects of V8's. */
class Variables {
  readonly #pieces: string[];
  readonly #starts: number[];
  #bytes: number;

  constructor({ text, starts }: Common) {
    this.#pieces = [text];
    this.#starts = starts.slice();
    this.#bytes = text.length;
  }

  /** `prefix` is the end of the one before, the name, and `=`. */
  add(prefix: string, value: string): void {
    const shown = value.includes('\0') ? value.replaceAll('\0', '') : value;
    this.#starts.push(this.#bytes + 1);
    this.#bytes += prefix.length + shown.length;
    this.#pieces.push(prefix, shown);
  }

  get names(): ReadonlySet<string> {
    const entries = this.#pieces.join('').split('\0');
    return new Set(entries.map((each) => each.slice(0, each.indexOf('='))));
  }

  end(): StringBlock {
    this.#pieces.push('\0');
    return new StringBlock(this.#pieces.join(''), this.#starts);
  }
}

/** Behind the request's, none of which they replace. */
function addOwners(out: Variables, environment: ReadonlyMap<string, string>): void {
  const taken = out.names;
  for (const [name, value] of environment) {
    if (taken.has(name) || !variableName.test(name)) continue;
    out.add(`\0${name}=`, toBytes(value));
  }
}

/**
 * The request's path, then the owner's arguments. Where there are none, as WAGI has it, the query
 * cut at each `&`: never both, or Mallory would give an interpreter its `-e`.
 */
export function listArguments(
  { target, query }: RequestHead,
  owners: readonly string[] | undefined,
): readonly string[] {
  const path = pathOf(target);
  if (owners !== undefined) return [path, ...owners.map(toBytes)];
  return query === '' ? [path] : [path, ...query.split('&')];
}

function listCommon(request: RequestHead): readonly string[] {
  const { authority, scheme } = request;
  const { host, port } = serverOf(request);
  const scriptName = toBytes(request.scriptName);
  const entries = [
    'AUTH_TYPE=',
    'GATEWAY_INTERFACE=CGI/1.1',
    'REMOTE_USER=',
    `SCRIPT_NAME=${scriptName}`,
    `SERVER_NAME=${host}`,
    `SERVER_PORT=${port}`,
    `SERVER_PROTOCOL=HTTP/${request.httpVersion}`,
    `SERVER_SOFTWARE=${serverSoftware}`,
    `X_MATCHED_ROUTE=${scriptName}/...`,
    `HTTP_HOST=${authority}`,
  ];
  if (scheme === 'https') entries.push('HTTPS=on');
  return entries.map((each) => each.replaceAll('\0', ''));
}

/** Of headers that each have a known variable of their own; false where they do not, or not all. */
function addUsual(out: Variables, headers: readonly Header[]): boolean {
  let seen = 0;
  for (const [name] of headers) {
    const usual = usualVariables.get(name);
    if (usual === undefined || (seen & usual.bit) !== 0) return false;
    seen |= usual.bit;
  }
  let contentType = '';
  for (const [name, value] of headers) {
    const prefix = usualVariables.get(name)?.prefix ?? '';
    if (name === contentTypeName) contentType = value;
    else if (prefix !== '') out.add(prefix, value);
  }
  out.add(contentTypePrefix, contentType);
  return true;
}

function addAny(out: Variables, headers: readonly Header[]): void {
  const contentType = headers.find(([name]) => name.toLowerCase() === contentTypeName);
  out.add(contentTypePrefix, contentType?.[1] ?? '');
  for (const [name, value] of indexHeaders(headers)) out.add(`\0${name}=`, value);
}

/** Several headers of one name are one value (RFC 3875, section 4.1.18). */
function indexHeaders(headers: readonly Header[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [name, value] of headers) {
    const lowerName = name.toLowerCase();
    const variable = variableOf(lowerName);
    if (variable === undefined) continue;
    const before = variables.get(variable);
    const separator = lowerName === 'cookie' ? '; ' : ', ';
    variables.set(variable, before === undefined ? value : `${before}${separator}${value}`);
  }
  return variables;
}

/** Empty for a header that is not shown. */
function prefixOf(lowerName: string): string {
  const variable = variableOf(lowerName);
  return variable === undefined ? '' : `\0${variable}=`;
}

/** Undefined for a header that is not shown. */
function variableOf(lowerName: string): string | undefined {
  if (!shownName.test(lowerName) || hiddenHeaders.has(lowerName)) return undefined;
  return `HTTP_${lowerName.toUpperCase().replaceAll('-', '_')}`;
}

function serverOf({ authority, scheme }: RequestHead) {
  const { host, port } = splitAuthority(authority);
  const usual = scheme === 'https' ? '443' : '80';
  return { host, port: port === '' ? usual : port };
}

/** What stands after the module's name, not decoded: as many segments are cut as the name has. */
function rawPathInfo({ target, scriptName, pathInfo }: RequestHead): string {
  if (pathInfo === '') return '';
  const rest = pathOf(target).split('/').slice(scriptName.split('/').length);
  return `/${rest.join('/')}`;
}

/** UTF-8, one character a byte. */
function toBytes(text: string): string {
  if (!notAscii.test(text)) return text;
  return Buffer.from(text, 'utf8').toString('latin1');
}
