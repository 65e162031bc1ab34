/**
 * What `terrafirma dev` changes of an answer: pages get its script at their end, so that nothing
 * has to wait for a whole page, and a content security policy lets that script in. Pure.
 */

type RawHeaders = readonly string[];

export interface PageChange {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** What follows the page; undefined: it stays as it is. */
  readonly end: Uint8Array | undefined;
}

/** Larger ones are no pages that somebody looks at while they write them. */
const pageBytesMax = 1024 * 1024;
/** Of the connection to the daemon. */
const ofConnection = new Set(['connection', 'keep-alive', 'proxy-connection']);

export interface ChangedReply {
  readonly method: string;
  readonly status: number;
  readonly rawHeaders: RawHeaders;
  /** Lets the script in where a policy asks for one. */
  readonly nonce: string;
}

export function changeReply({ method, nonce, rawHeaders, status }: ChangedReply): PageChange {
  const pairs = pairsOf(rawHeaders).filter(([name]) => !ofConnection.has(name.toLowerCase()));
  const headerOf = (wanted: string): string | undefined =>
    pairs.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const length = headerOf('content-length');
  const isPage =
    /^text\/html\b/i.test(headerOf('content-type') ?? '') &&
    headerOf('content-encoding') === undefined &&
    ![204, 206, 304].includes(status) &&
    Number(length ?? 0) <= pageBytesMax;
  if (!isPage) return { headers: pairs.flat(), end: undefined };
  const end = Buffer.from(scriptElement(nonce, failedRequest(status, headerOf)));
  const headers = pairs.map(([name, value]): readonly [string, string] => {
    const lower = name.toLowerCase();
    if (lower === 'content-length') return [name, String(Number(value) + end.length)];
    if (lower.startsWith('content-security-policy')) return [name, letIn(value, nonce)];
    return [name, value];
  });
  return { headers: headers.flat(), end: method === 'HEAD' ? undefined : end };
}

function pairsOf(raw: RawHeaders): readonly (readonly [string, string])[] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [
    raw[2 * at] ?? '',
    raw[2 * at + 1] ?? '',
  ]);
}

/** The id of a request that the daemon itself has answered with an error page. */
function failedRequest(
  status: number,
  headerOf: (name: string) => string | undefined,
): string | undefined {
  if (status < 400 || headerOf('x-robots-tag') !== 'noindex') return undefined;
  const id = headerOf('x-request-id');
  return id !== undefined && /^[\w-]{1,64}$/.test(id) ? id : undefined;
}

function scriptElement(nonce: string, request: string | undefined): string {
  const data = request === undefined ? '' : ` data-request="${request}"`;
  return `\n<script src="/.terrafirma/dev.js" nonce="${nonce}"${data}></script>\n`;
}

/** A policy says no more than it did, but for the script and what it asks its own server. */
function letIn(policies: string, nonce: string): string {
  return policies
    .split(',')
    .map((policy) => {
      const directives = policy
        .split(';')
        .map((text) => text.trim().split(/\s+/))
        .filter(([name = '']) => name !== '');
      const scripts = `'nonce-${nonce}'`;
      return [
        ...directives.filter(([name = '']) => !changed.has(name.toLowerCase())),
        ...widened(directives, 'script-src-elem', scripts),
        ...widened(directives, 'script-src', scripts),
        ...widened(directives, 'connect-src', "'self'"),
      ]
        .map((words) => words.join(' '))
        .join('; ');
    })
    .join(', ');
}

const changed = new Set(['script-src', 'script-src-elem', 'connect-src']);

function widened(
  directives: readonly (readonly string[])[],
  name: string,
  source: string,
): readonly (readonly string[])[] {
  const find = (wanted: string): readonly string[] | undefined =>
    directives.find(([each = '']) => each.toLowerCase() === wanted);
  const own = find(name);
  // Without `script-src-elem`, `script-src` says it, and without that `default-src` does.
  if (own === undefined && name === 'script-src-elem') return [];
  const [, ...sources] = own ?? find('default-src') ?? [];
  if (own === undefined && find('default-src') === undefined) return [];
  return [[name, ...sources.filter((word) => word !== "'none'"), source]];
}
