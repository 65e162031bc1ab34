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
  const variables = new Map(listMetaVariables(source));
  for (const [name, value] of indexHeaders(source.request.headers)) variables.set(name, value);
  variables.set('HTTP_HOST', source.request.authority);
  if (source.isWebSocket === true) {
    // The connection's own headers are dropped at the door; this is how a program knows.
    variables.set('HTTP_CONNECTION', 'Upgrade');
    variables.set('HTTP_UPGRADE', 'websocket');
  }
  for (const [name, value] of source.environment) {
    if (!variables.has(name) && variableName.test(name)) variables.set(name, toBytes(value));
  }
  return Array.from(variables, ([name, value]) => `${name}=${value.replaceAll('\0', '')}`);
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

function listMetaVariables({
  request,
  bodyBytes,
  isWebSocket,
}: CgiSource): readonly (readonly [string, string])[] {
  const { host, port } = serverOf(request);
  const pathInfo = toBytes(request.pathInfo);
  const hasLength = isWebSocket !== true && bodyBytes !== undefined;
  const scriptName = toBytes(request.scriptName);
  return [
    ['AUTH_TYPE', ''],
    ...(hasLength ? [['CONTENT_LENGTH', String(bodyBytes)] as const] : []),
    ['CONTENT_TYPE', findHeader(request.headers, 'content-type') ?? ''],
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['PATH_INFO', pathInfo],
    ['PATH_TRANSLATED', pathInfo],
    ['QUERY_STRING', request.query],
    ['REMOTE_ADDR', request.clientAddress],
    ['REMOTE_HOST', request.clientAddress],
    ['REMOTE_PORT', String(request.clientPort)],
    ['REMOTE_USER', ''],
    ['REQUEST_METHOD', request.method],
    ['REQUEST_URI', request.target],
    ['SCRIPT_NAME', scriptName],
    ['SERVER_NAME', host],
    ['SERVER_PORT', port],
    ['SERVER_PROTOCOL', `HTTP/${request.httpVersion}`],
    ['SERVER_SOFTWARE', serverSoftware],
    ...(request.scheme === 'https' ? [['HTTPS', 'on'] as const] : []),
    ['X_MATCHED_ROUTE', `${scriptName}/...`],
    ['X_RAW_PATH_INFO', rawPathInfo(request)],
    ['X_FULL_URL', `${request.scheme}://${request.authority}${request.target}`],
  ];
}

/** Several headers of one name are one value (RFC 3875, section 4.1.18). */
function indexHeaders(headers: readonly Header[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const [name, value] of headers) {
    const lowerName = name.toLowerCase();
    if (!shownName.test(lowerName) || hiddenHeaders.has(lowerName)) continue;
    const variable = `HTTP_${lowerName.toUpperCase().replaceAll('-', '_')}`;
    const before = variables.get(variable);
    const separator = lowerName === 'cookie' ? '; ' : ', ';
    variables.set(variable, before === undefined ? value : `${before}${separator}${value}`);
  }
  return variables;
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
  return Buffer.from(text, 'utf8').toString('latin1');
}
