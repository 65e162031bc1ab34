/**
 * `[backends.NAME]`: servers that modules reach by a name. The settings are those of Fastly's
 * dynamic back-ends, under names in plain English.
 */
import { quoteReceived, withoutSecrets } from '../../names.ts';
import { namePlace, nameType, type Place, SettingsFault } from './fault.ts';
import { choice, type Kind, milliseconds, text, whole, yesOrNo } from './kinds.ts';
import { maybe, needed, type ReadFields, record, resourceNames, tableOf } from './tables.ts';

const backendsMax = 64;
const pemBytesMax = 32 * 1024;
const namesBytesMax = 255;
const ciphersBytesMax = 4 * 1024;
/** Timers of Node.js hold 31 bits. */
const msMax = 2 ** 31 - 1;
const pathBytesMax = 2_048;

/** Where a back-end is. */
export interface BackendAddress {
  readonly isTls: boolean;
  /** As URLs have it: addresses of IPv6 stand in brackets. */
  readonly host: string;
  readonly port: number;
  /** Stands before the path of each request, without a slash at its end; left out for none. */
  readonly path?: string;
}

/** `vault/key`, or `key` of the store `default`. */
export interface SecretName {
  readonly store: string;
  readonly name: string;
}

const hostText = text({
  bytesMax: namesBytesMax,
  rule: 'must be a host name, with a port where it is not the usual one',
  pattern: /^[A-Za-z0-9.[\]:_-]+$/,
  isShown: true,
});
const pem = (what: string): Kind<string> =>
  text({ bytesMax: pemBytesMax, rule: `must be ${what} as PEM`, pattern: /^\s*-----BEGIN / });
const tlsVersion = choice(['1.0', '1.1', '1.2', '1.3']);
const time = milliseconds({ min: 1, max: msMax });

const healthFields = {
  path: maybe(
    text({ bytesMax: pathBytesMax, rule: 'must begin with "/"', pattern: /^\// }),
    'Asked for',
  ),
  method: maybe(choice(['GET', 'HEAD']), 'Default "HEAD"'),
  host: maybe(hostText, 'Host header of the question'),
  intervalMs: maybe(milliseconds({ min: 1_000, max: 3_600_000 }), 'Time between two questions'),
  timeoutMs: maybe(time, 'How long an answer may take'),
  expectedStatus: maybe(whole({ min: 100, max: 599 }), 'Default 200'),
  window: maybe(whole({ min: 1, max: 64 }), 'How many of the last answers count'),
  threshold: maybe(whole({ min: 1, max: 64 }), 'How many of them must be good'),
  initial: maybe(whole({ min: 0, max: 64 }), 'How many count as good at the start'),
} as const;

const fields = {
  address: needed(
    { jsonSchema: { type: 'string', pattern: '^https?://' }, read: readAddress },
    'Where it is: "https://origin.example"; a path comes before that of each request',
    'url',
  ),
  host: maybe(hostText, 'Host header, where it is not that of the URL'),
  connectTimeoutMs: maybe(time, 'Until the connection stands'),
  firstByteTimeoutMs: maybe(time, 'Until the first byte of the reply'),
  betweenBytesTimeoutMs: maybe(time, 'Between two pieces of the reply'),
  tlsMin: maybe(tlsVersion, 'The lowest version of TLS'),
  tlsMax: maybe(tlsVersion, 'The highest version of TLS'),
  sni: maybe(
    text({
      bytesMax: namesBytesMax,
      rule: 'must be a host name, or "" for none',
      pattern: /^[A-Za-z0-9.-]*$/,
      isShown: true,
    }),
    'The server name of the handshake; "" sends none',
  ),
  certificateHost: maybe(hostText, 'The name that the certificate must be for'),
  ca: maybe(pem('certificates'), 'Authorities to trust in place of the usual ones'),
  ciphers: maybe(
    text({
      bytesMax: ciphersBytesMax,
      rule: 'must be a list of ciphers in OpenSSL’s words',
      pattern: /^[A-Za-z0-9:+!@=_.-]+$/,
      isShown: true,
    }),
    'Which ciphers are offered, in the words of OpenSSL',
  ),
  clientCertificate: maybe(pem('a certificate'), 'Shown to the back-end'),
  clientKey: maybe(
    { jsonSchema: { type: 'string' }, read: readSecretName },
    'The secret with the key of client_certificate: "vault/key"',
  ),
  keepAliveMs: maybe(milliseconds({ min: 0, max: msMax }), 'How long an idle connection is kept'),
  tcpKeepAlive: maybe(yesOrNo, 'Let TCP ask at times whether the server is still there'),
  tcpKeepAliveIdleMs: maybe(milliseconds({ min: 1_000, max: msMax }), 'When it first asks'),
  tcpKeepAliveIntervalMs: maybe(milliseconds({ min: 1_000, max: msMax }), 'How often it asks then'),
  tcpKeepAliveProbes: maybe(whole({ min: 1, max: 127 }), 'How often it asks in vain'),
  connectionsMax: maybe(whole({ min: 1, max: 10_000 }), 'Connections at once, per thread'),
  usesMax: maybe(whole({ min: 1, max: 1_000_000 }), 'Requests on one connection'),
  lifetimeMs: maybe(time, 'How long a connection may be used'),
  preferIpv4: maybe(yesOrNo, 'Try addresses of IPv4 first'),
  grpc: maybe(yesOrNo, 'Speak HTTP/2, as gRPC wants it'),
  health: maybe(record(healthFields), 'How it is asked whether it is well'),
} as const;

export type Backend = ReadFields<typeof fields> & {
  /** From a `fastly.toml`: the key itself. */
  readonly clientKeyPem?: string;
  /** From a `fastly.toml`: its health is said, not asked. */
  readonly statedHealth?: 'unknown' | 'healthy' | 'unhealthy';
};

export const backends: Kind<ReadonlyMap<string, Backend>> = tableOf(record(fields), {
  max: backendsMax,
  what: 'back-ends',
  names: resourceNames,
});

function readAddress(value: unknown, place: Place): BackendAddress {
  const rule = `${namePlace(place)} must be a URL without a query, as "https://origin.example"`;
  if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
  const isOrigin = /^https?:\/\/[^/?#@\\]+(?:\/[^?#\\]*)?$/i.test(value) && URL.canParse(value);
  if (!isOrigin) throw new SettingsFault(place, rule, quoteReceived(withoutSecrets(value)));
  const { protocol, hostname, port, pathname } = new URL(value);
  const isTls = protocol === 'https:';
  const path = pathname.replace(/\/+$/, '');
  return {
    ...{ isTls, host: hostname, port: port === '' ? (isTls ? 443 : 80) : Number(port) },
    ...(path === '' ? {} : { path }),
  };
}

function readSecretName(value: unknown, place: Place): SecretName {
  const rule = `${namePlace(place)} must name a secret, such as "vault/key"`;
  if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
  const [first = '', second, ...more] = value.split('/');
  const found =
    second === undefined ? { store: 'default', name: first } : { store: first, name: second };
  const isName = [found.store, found.name].every((each) => resourceNames.pattern.test(each));
  // Not told: it may be the key itself.
  if (!isName || more.length > 0) throw new SettingsFault(place, rule, 'something else');
  return found;
}
