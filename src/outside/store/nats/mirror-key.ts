/** Under what a key lies in the mirror. Pure. */
import { bytesOf, isLongKey, keyToken } from './places.ts';

/** Long keys are known by their hash alone, as text: no key of the same bytes is taken for it. */
export function mirrorKey(key: Uint8Array): Uint8Array | string {
  return isLongKey(key) ? keyToken(key) : key;
}

/** The space and the key of a subject; undefined of one that is no key's. */
export function mirrorPlaceOf(
  subject: string,
): { readonly space: Uint8Array; readonly key: Uint8Array | string } | undefined {
  const tokens = subject.split('.');
  const [id = '', token = ''] = tokens.slice(-2);
  const space = bytesOf(Buffer.from(id, 'hex'));
  if (token.startsWith('h')) return { space, key: token };
  if (!token.startsWith('k')) return undefined;
  return { space, key: bytesOf(Buffer.from(token.slice(1), 'base64url')) };
}
