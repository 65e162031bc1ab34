/** `canonical_host`: visitors who come by another name of the site are sent to this one. Pure. */
import { splitAuthority } from '../../../http/authority.ts';
import type { RequestHead } from '../../../http/message.ts';
import type { HostName } from '../../../names.ts';

/**
 * Where the visitor is sent; undefined who has come by the right name. The port stays, because a
 * site is served under all its names on the same ports.
 */
export function canonicalLocation(
  canonical: HostName | undefined,
  hostName: HostName | undefined,
  { authority, scheme, target }: Pick<RequestHead, 'authority' | 'scheme' | 'target'>,
): string | undefined {
  if (canonical === undefined || hostName === undefined || canonical === hostName) return undefined;
  const { port } = splitAuthority(authority);
  return `${scheme}://${canonical}${port === '' ? '' : `:${port}`}${target}`;
}
