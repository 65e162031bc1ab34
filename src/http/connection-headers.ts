/**
 * What a head says about one connection alone and nobody may pass on. The daemon stands between
 * connections on both sides of a guest, so that one list holds for what visitors send, for what
 * guests answer with, and for what is fetched. Pure.
 */

/**
 * RFC 9110, section 7.6.1, with `trailer`, which says what an answer ends with, the two fields of
 * proxies that are for the next hop only (sections 11.7.1 and 11.7.2), and what asked for HTTP/2
 * once (RFC 7540, section 3.2.1), which node refuses. In HTTP/2 the first five would make a message
 * malformed (RFC 9113, section 8.2.2).
 */
export const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'proxy-authenticate',
  'proxy-authorization',
  'http2-settings',
]);

/** Looking a name up costs more than a look at its length, and most are none of them. */
const leftLengths = new Set([...connectionHeaders, 'content-length'].map(({ length }) => length));

/** Never named by Connection: without them a request is another one (RFC 9110, section 7.6.1). */
const forAllHops: ReadonlySet<string> = new Set(['host', 'content-length']);
const nothingNamed: ReadonlySet<string> = new Set();

/**
 * Whether whoever answers, in lower case, leaves `name` to the daemon: it is about the connection,
 * or says how long the body is. Guests copy whole fetched heads into their answers, so these are
 * dropped without complaint.
 */
export function isLeftToDaemon(name: string): boolean {
  if (!leftLengths.has(name.length)) return false;
  return name === 'content-length' || connectionHeaders.has(name);
}

/**
 * The fields, in lower case, that the values of Connection name: they too are about the connection
 * alone. Most heads name none, or only what becomes of the connection.
 */
export function namedByConnection(values: string): ReadonlySet<string> {
  const list = values.toLowerCase();
  if (list === '' || list === 'keep-alive' || list === 'close') return nothingNamed;
  const named = new Set(list.split(',').map((option) => option.trim()));
  for (const name of forAllHops) named.delete(name);
  return named;
}
