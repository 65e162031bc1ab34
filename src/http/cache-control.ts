/** Directives of Cache-Control, and of Surrogate-Control, which has the same form. Pure. */

/** Names in lower case; without a value: empty text. Of several with a name the first counts. */
export type CacheDirectives = ReadonlyMap<string, string>;

/** RFC 9111, section 5.2: what is no directive is passed over. */
const directive = /\s*([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?\s*/y;
/** Such a thing as a directive takes no more characters in all. */
const charsMax = 8_192;
/** RFC 9111, section 1.2.2: what is larger is taken for this. */
const secondsMax = 2_147_483_648;

export function parseCacheControl(text: string | undefined): CacheDirectives {
  const found = new Map<string, string>();
  if (text === undefined || text.length > charsMax) return found;
  let at = 0;
  while (at < text.length) {
    directive.lastIndex = at;
    const match = directive.exec(text);
    if (match !== null) {
      const [whole, name = '', quoted, plain = ''] = match;
      const lowerName = name.toLowerCase();
      if (!found.has(lowerName)) found.set(lowerName, quoted ?? plain);
      at += whole.length;
    }
    const comma = text.indexOf(',', at);
    at = comma === -1 ? text.length : comma + 1;
  }
  return found;
}

/** What a directive says in seconds; undefined where it says none. */
export function secondsOf(directives: CacheDirectives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined || !/^\d+$/.test(value)) return undefined;
  return Math.min(Number(value), secondsMax);
}
