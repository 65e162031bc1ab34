/** Who is asked: host and port (RFC 3986, section 3.2; RFC 9110, section 7.2). Pure. */
import { Buffer } from 'node:buffer';
import { isIP, isIPv6 } from 'node:net';
import { TerrafirmaError } from '../errors.ts';
import { quoteReceived, withoutSecrets } from '../names.ts';

const utf8OrError = { fatal: true, ignoreBOM: true };

/** Nearly all of them: a name or an IPv4 address, perhaps a port, which the groups hold. */
const plainAuthority = /^(?=\.*[\w-])[\w.-]+(?::(\d{1,5}))?$/;
/**
 * What RFC 3986, section 3.2, lets an authority be, in UTF-8 and without what no host has: user
 * info, percent signs, and the marks `!$&'()*+,;=`, which guests would copy into pages. The groups
 * hold the address of `[::1]` and the port.
 */
const authorityPattern = new RegExp(
  String.raw`^(?:(?=\.*[^.:])(?:[\w.~-]|[^\0-\x7f\p{Cc}\p{Cf}\p{Z}]|[\u200c\u200d])+` +
    String.raw`|\[([\da-f:.]+)\])(?::(\d{0,5}))?$`,
  'iu',
);
const portPattern = /:(\d*)$/;
const portMax = 65_535;

/** The host, brackets of an IPv6 address included, and the port, empty where none is named. */
export function splitAuthority(authority: string): {
  readonly host: string;
  readonly port: string;
} {
  const port = portPattern.exec(authority);
  if (port === null) return { host: authority, port: '' };
  return { host: authority.slice(0, port.index), port: port[1] ?? '' };
}

/** The host where it is an address, in brackets where that is one of IPv6; undefined for a name. */
export function addressOf(authority: string): string | undefined {
  const { host } = splitAuthority(authority);
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const family = isIP(bare);
  return family === 0 || (family === 6) === (bare === host) ? undefined : host;
}

/**
 * Reads an authority. Node hands bytes on as latin1, one character each. A host name that is not
 * ASCII was meant as UTF-8 (RFC 3986, section 3.2.2); read as latin1 it would be another name.
 *
 * @throws TerrafirmaError `bad-host`.
 */
export function readAuthority(raw: string): string {
  const plain = plainAuthority.exec(raw);
  if (plain !== null && isPort(plain[1])) return raw;
  let authority: string;
  try {
    authority = new TextDecoder('utf-8', utf8OrError).decode(Buffer.from(raw, 'latin1'));
  } catch (cause) {
    throw badHost('the host name must be ASCII or UTF-8', raw, cause);
  }
  const [whole, address, port] = authorityPattern.exec(authority) ?? [];
  // Programs take it apart once more, and fail at what only looks like an address or a port.
  const isHost = whole !== undefined && (address === undefined || isIPv6(address));
  if (isHost && isPort(port)) return authority;
  throw badHost('it must name a host, and perhaps a port', authority);
}

function isPort(port: string | undefined): boolean {
  return port === undefined || Number(port) <= portMax;
}

function badHost(rule: string, authority: string, cause?: unknown): TerrafirmaError {
  const received = quoteReceived(withoutSecrets(authority));
  const detail = `Cannot serve the request: ${rule}: received ${received}`;
  return new TerrafirmaError('bad-host', detail, { cause });
}
