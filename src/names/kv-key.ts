/** What may be a key of a key-value store by the rules of Fastly Compute. Pure. */

export const kvKeyBytesMax = 1_024;

/** Why a key is none, as the rule that it breaks; undefined where it is one. */
export function kvKeyFault(key: string): string | undefined {
  const bytes = Buffer.byteLength(key);
  if (bytes === 0) return 'a key must not be empty';
  if (bytes > kvKeyBytesMax) return `a key has at most ${kvKeyBytesMax} bytes`;
  if (/[\r\n]/.test(key)) return 'a key must not hold a line end';
  if (/[#;?^|]/.test(key)) return 'a key must not hold "#", ";", "?", "^" or "|"';
  if (key.startsWith('.well-known/acme-challenge')) {
    return 'a key must not begin with ".well-known/acme-challenge"';
  }
  if (key.split('/').some((part) => part === '.' || part === '..')) {
    return 'a key must not have "." or ".." between its slashes';
  }
  const code = key.length === 1 ? key.charCodeAt(0) : undefined;
  if (code !== undefined && (code <= 0x20 || code >= 0xfffe)) {
    return 'a key of one character must be a visible one';
  }
  return undefined;
}
