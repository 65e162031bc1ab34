import { domainToASCII } from 'node:url';
import { TerrafirmaError } from '../errors.ts';
import { quoteReceived, withoutSecrets } from './quote.ts';

/** Lower case, punycode, without port and final dot; never an IP address. */
export type HostName = string & { readonly hostName: unique symbol };

/** RFC 1035, section 2.3.4, in the textual form without the final dot. */
const hostNameCharsMax = 253;
/** The longest name, a final dot and the longest port: what is longer is not looked at. */
const authorityCharsMax = hostNameCharsMax + '.:65535'.length;
const notAnAddress =
  'must be a name, not an address, because only a name has a TXT record that leads to a folder';
const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** What URL parsing would strip, split at or decode, and so must not reach `domainToASCII`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const forbidden = /[\x00-\x20\x7f"#%/:<>?@[\\\]^_`{|}]/;
/** The last label of every IPv4 spelling that inet_aton takes: 127.1, 0x7f.1, 017700000001. */
const numericLabel = /^(?:\d+|0x[0-9a-f]*)$/;

/**
 * The one spelling of the host name in a Host header, `:authority` or SNI: the port and one final
 * dot removed, lower case, punycode (UTS 46, as browsers do). Everything that decides by host name
 * decides on this result, so that `EXAMPLE.com:8080` and `example.com.` cannot dodge a rule.
 *
 * A single label is a host name: `localhost` and names of a private network have no dot, and their
 * record is looked up (and missing) like any other; who needs a dot, such as a certificate
 * authority, asks for it there.
 *
 * @throws TerrafirmaError `bad-host`: IP addresses in any spelling, user info, `_`, empty labels,
 * labels over 63 and names over 253 characters.
 */
export function parseHostName(authority: string): HostName {
  if (authority === '') throw badHost('must not be empty', authority);
  if (authority.length > authorityCharsMax) {
    throw badHost(`must be at most ${hostNameCharsMax} characters`, authority);
  }
  if (authority.includes('@')) throw badHost('must have no user info before it', authority);
  if (authority.startsWith('[')) throw badHost(notAnAddress, authority);
  const name = removePort(authority);
  const undotted = name.endsWith('.') ? name.slice(0, -1) : name;
  if (forbidden.test(undotted)) throw badHost('must be letters, digits, "-" and "."', authority);
  const ascii = domainToAscii(undotted);
  if (ascii === '' || ascii.length > hostNameCharsMax) {
    throw badHost(`must be a domain name of 1 to ${hostNameCharsMax} characters`, authority);
  }
  const labels = ascii.split('.');
  if (numericLabel.test(labels.at(-1) ?? '')) {
    throw badHost(notAnAddress, authority);
  }
  if (!labels.every((label) => labelPattern.test(label))) {
    throw badHost('must have labels of 1 to 63 letters, digits and inner "-"', authority);
  }
  return ascii as HostName;
}

/** `host`, `host:` and `host:80` are valid authorities (RFC 3986, section 3.2.3). */
function removePort(authority: string): string {
  const colon = authority.indexOf(':');
  if (colon === -1) return authority;
  const port = authority.slice(colon + 1);
  if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) {
    throw badHost('must have no port or one up to 65535', authority);
  }
  return authority.slice(0, colon);
}

/**
 * Names that are ASCII already skip UTS 46 unless they claim to be punycode: URL parsing would turn
 * `0x7f.1` into an address before the rule above sees it.
 */
function domainToAscii(name: string): string {
  const lower = name.toLowerCase();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
  const isAscii = /^[\x00-\x7f]*$/.test(name);
  if (isAscii && !/(?:^|\.)xn--/.test(lower)) return lower;
  return domainToASCII(name);
}

function badHost(rule: string, authority: string): TerrafirmaError {
  const received = quoteReceived(withoutSecrets(authority));
  return new TerrafirmaError(
    'bad-host',
    `Cannot serve the request: the host name ${rule}: received ${received}`,
  );
}
