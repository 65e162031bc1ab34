/**
 * A request as environment variables: RFC 3875, section 4.1, and what WAGI adds. One character a
 * byte, as headers stand on the wire; what was decoded is UTF-8.
 */
import { splitAuthority } from '../../../http/authority.ts';
import { connectionHeaders } from '../../../http/connection-headers.ts';
import type { Header, RequestHead } from '../../../http/message.ts';
import { pathOf } from '../../../http/target.ts';

const serverSoftware = 'terrafirma';

/**
 * Secrets and the connection's own are not shown (RFC 3875, section 4.1.18). `proxy` would become
 * HTTP_PROXY, which libraries take for the operator's own setting: Mallory would send herself
 * everything that the program fetches.
 */
const hiddenHeaders = new Set([
  ...connectionHeaders,
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
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const notAscii = /[^\0-\x7f]/;

/** Making a name costs more than a look at this: what nearly all requests have. */
const usualVariables: ReadonlyMap<string, string> = new Map(
  [
    'accept',
    'accept-encoding',
    'accept-language',
    'cache-control',
    'cookie',
    'host',
    'if-modified-since',
    'if-none-match',
    'origin',
    'range',
    'referer',
    'sec-ch-ua',
    'sec-ch-ua-mobile',
    'sec-ch-ua-platform',
    'sec-fetch-dest',
    'sec-fetch-mode',
    'sec-fetch-site',
    'sec-fetch-user',
    'upgrade-insecure-requests',
    'user-agent',
    'via',
    'x-forwarded-for',
    'x-forwarded-proto',
  ].map((name) => [name, `HTTP_${name.toUpperCase().replaceAll('-', '_')}`]),
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

/** `NAME=value` of all variables. */
export function listEnvironment(source: CgiSource): readonly string[] {
  const { request, environment } = source;
  const entries = listMetaVariables(source);
  const headers = indexHeaders(request.headers);
  headers.set('HTTP_HOST', request.authority);
  if (source.isWebSocket === true) {
    // The connection's own headers are dropped at the door; this is how a program knows.
    headers.set('HTTP_CONNECTION', 'Upgrade');
    headers.set('HTTP_UPGRADE', 'websocket');
  }
  for (const [name, value] of headers) entries.push(entry(name, value));
  if (environment.size > 0) addOwners(entries, environment);
  return entries;
}

/** Behind the request's, none of which they replace. */
function addOwners(entries: string[], environment: ReadonlyMap<string, string>): void {
  const taken = new Set(entries.map((each) => each.slice(0, each.indexOf('='))));
  for (const [name, value] of environment) {
    if (taken.has(name) || !variableName.test(name)) continue;
    entries.push(entry(name, toBytes(value)));
  }
}

function entry(name: string, value: string): string {
  return `${name}=${value.includes('\0') ? value.replaceAll('\0', '') : value}`;
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

function listMetaVariables({ request, bodyBytes, isWebSocket }: CgiSource): string[] {
  const { authority, clientAddress, headers, scheme, target } = request;
  const { host, port } = serverOf(request);
  const pathInfo = toBytes(request.pathInfo);
  const scriptName = toBytes(request.scriptName);
  const entries = ['AUTH_TYPE='];
  if (isWebSocket !== true && bodyBytes !== undefined) entries.push(`CONTENT_LENGTH=${bodyBytes}`);
  entries.push(
    entry('CONTENT_TYPE', findHeader(headers, 'content-type') ?? ''),
    'GATEWAY_INTERFACE=CGI/1.1',
    entry('PATH_INFO', pathInfo),
    entry('PATH_TRANSLATED', pathInfo),
    entry('QUERY_STRING', request.query),
    entry('REMOTE_ADDR', clientAddress),
    entry('REMOTE_HOST', clientAddress),
    `REMOTE_PORT=${request.clientPort}`,
    'REMOTE_USER=',
    entry('REQUEST_METHOD', request.method),
    entry('REQUEST_URI', target),
    entry('SCRIPT_NAME', scriptName),
    entry('SERVER_NAME', host),
    `SERVER_PORT=${port}`,
    `SERVER_PROTOCOL=HTTP/${request.httpVersion}`,
    `SERVER_SOFTWARE=${serverSoftware}`,
  );
  if (scheme === 'https') entries.push('HTTPS=on');
  entries.push(
    entry('X_MATCHED_ROUTE', `${scriptName}/...`),
    entry('X_RAW_PATH_INFO', rawPathInfo(request)),
    entry('X_FULL_URL', `${scheme}://${authority}${target}`),
  );
  return entries;
}

/** Several headers of one name are one value (RFC 3875, section 4.1.18). */
function indexHeaders(headers: readonly Header[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [name, value] of headers) {
    const lowerName = name.toLowerCase();
    const variable = usualVariables.get(lowerName) ?? variableOf(lowerName);
    if (variable === undefined) continue;
    const before = variables.get(variable);
    const separator = lowerName === 'cookie' ? '; ' : ', ';
    variables.set(variable, before === undefined ? value : `${before}${separator}${value}`);
  }
  return variables;
}

/** Undefined for a header that is not shown. */
function variableOf(lowerName: string): string | undefined {
  if (!shownName.test(lowerName) || hiddenHeaders.has(lowerName)) return undefined;
  return `HTTP_${lowerName.toUpperCase().replaceAll('-', '_')}`;
}

function findHeader(headers: readonly Header[], wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
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
