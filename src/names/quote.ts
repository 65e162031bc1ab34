const quotedCharsMax = 120;

/**
 * A hostile string for an error detail or the log: quoted, cut, and with every character that could
 * forge a log line or a terminal command (controls, line separators, non-ASCII) written as \u….
 */
export function quoteReceived(text: string): string {
  const cut = text.length > quotedCharsMax ? `${text.slice(0, quotedCharsMax)}…` : text;
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e…]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * A request target or authority as it may be told: without query, fragment and user info. Tokens
 * and passwords travel there, and logs are read by more people than requests.
 */
export function withoutSecrets(target: string): string {
  // What nearly all targets are, without a look at each character.
  const isPlainPath = target.startsWith('/') && !target.startsWith('//');
  if (isPlainPath && !target.includes('?') && !target.includes('#')) return target;
  const end = target.search(/[?#]/);
  const place = end === -1 ? target : target.slice(0, end);
  const url = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)(?:[^/]*@)?(.*)$/is.exec(place);
  if (url !== null) return `${url[1] ?? ''}${url[2] ?? ''}`;
  // Neither a URL nor a path: an authority, or something that was meant as one.
  return place.startsWith('/') ? place : place.slice(place.lastIndexOf('@') + 1);
}
