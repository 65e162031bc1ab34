/** The settings of TLS, of ACME, and of who may be served. */
import { isIP } from 'node:net';
import type { CertificateFiles, ChallengeType } from './config.ts';
import {
  choice,
  count,
  endpoint,
  fileKind,
  fileSystemPath,
  listOf,
  network,
  optional,
  parseField,
  refuseStrangers,
  text,
  ValueFault,
  type ValueKind,
  yesOrNo,
} from './kinds.ts';
import { define } from './setting.ts';

const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory';
const hstsDefaultS = 604_800;

const tlsListenKind = listOf(
  endpoint({
    rule: 'must be host:port, such as 0.0.0.0:443 or [::]:443 (port 0: any)',
    portMin: 0,
    allowsNames: true,
  }),
  { elementsMax: 16 },
);

/** `certificate.pem=key.pem` as text; a table with `certificate` and `key` in TOML. */
const certificateKind: ValueKind<CertificateFiles> = {
  placeholder: 'certificate=key',
  jsonSchema: {
    type: 'object',
    properties: {
      certificate: { type: 'string', minLength: 1 },
      key: { type: 'string', minLength: 1 },
    },
    required: ['certificate', 'key'],
    additionalProperties: false,
  },
  parse(raw, base) {
    const fields = typeof raw === 'string' ? splitPair(raw) : raw;
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
      throw new ValueFault('must be a table with certificate and key', raw);
    }
    const table = new Map<string, unknown>(Object.entries(fields));
    refuseStrangers(table, ['certificate', 'key']);
    return {
      certificate: parseField(table, { key: 'certificate', kind: fileSystemPath }, base),
      key: parseField(table, { key: 'key', kind: fileSystemPath }, base),
    };
  },
  print: ({ certificate, key }) => [{ certificate, key }],
};

function splitPair(raw: string): Record<string, string> {
  const at = raw.indexOf('=');
  if (at <= 0 || at === raw.length - 1) {
    throw new ValueFault('must be certificate=key, such as site.pem=site.key', raw);
  }
  return { certificate: raw.slice(0, at), key: raw.slice(at + 1) };
}

/** Account keys and orders are worth nothing over plain HTTP, but for tests on this machine. */
const directoryKind = text(
  'url',
  /^(https:\/\/[^\s/]+\/\S*|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?\/\S*)$/,
  'must be the https URL of an ACME directory',
);

const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
/** `example.com` is that name alone, `*.example.com` every name below it. */
const namePatternKind = text(
  'name',
  new RegExp(String.raw`^(\*\.)?${label}(\.${label})*$`),
  'must be a host name, or *. and a host name for all below it',
);

const folderKind = text(
  'folder',
  /^\/[^\s\0\\]+$/,
  'must be a folder as TXT records name it, such as /keybase/private/alice,bob',
);

const addressKind: ValueKind<string> = {
  placeholder: 'address',
  jsonSchema: { type: 'string', minLength: 2 },
  parse(raw) {
    if (typeof raw === 'string' && isIP(raw) !== 0) return raw;
    throw new ValueFault('must be an IP address', raw);
  },
  print: (value) => value,
};

const challengeKind: ValueKind<ChallengeType> = choice(['tls-alpn-01', 'http-01']);

export const tlsSettings = {
  tlsListen: define({
    name: 'tls.listen',
    flag: 'tls-listen',
    summary: 'Where to listen for HTTPS',
    kind: tlsListenKind,
    fallback: () => [],
    fallbackWords: 'none: plain HTTP alone',
  }),
  tlsRedirects: define({
    name: 'tls.redirects',
    summary: 'Whether the plain listeners send visitors on to HTTPS (308)',
    kind: yesOrNo,
    fallback: () => true,
  }),
  tlsPublicPort: define({
    name: 'tls.public_port',
    summary: 'The port visitors use for HTTPS, where it is not the one listened on',
    kind: optional(count({ min: 1, max: 65_535 })),
    fallback: () => undefined,
    fallbackWords: 'that of the first TLS listener',
  }),
  tlsHstsMaxAgeS: define({
    name: 'tls.hsts_max_age_s',
    summary: 'Seconds for which browsers must use HTTPS (Strict-Transport-Security); 0: not said',
    kind: count({ min: 0, max: 4 * 31_536_000 }),
    fallback: () => hstsDefaultS,
  }),
  tlsCertificates: define({
    name: 'tls.certificate',
    flag: 'tls-certificate',
    summary: 'Certificates of your own, with their keys; they win over those of ACME',
    kind: listOf(certificateKind, { elementsMax: 256, separator: ';' }),
    fallback: () => [],
    fallbackWords: 'none',
  }),
  acmeIsAgreed: define({
    name: 'acme.terms_agreed',
    flag: 'acme-terms-agreed',
    summary: 'You agree to the terms of the ACME directories: certificates are ordered',
    kind: yesOrNo,
    fallback: () => false,
  }),
  acmeDirectories: define({
    name: 'acme.directories',
    flag: 'acme-directory',
    summary: 'ACME directories, tried in this order',
    kind: listOf(directoryKind, { elementsMin: 1, elementsMax: 8 }),
    fallback: () => [letsEncrypt],
  }),
  acmeIsStaging: define({
    name: 'acme.staging',
    flag: 'acme-staging',
    summary: 'Order test certificates of the staging directory of Let’s Encrypt instead',
    kind: yesOrNo,
    fallback: () => false,
  }),
  acmeContacts: define({
    name: 'acme.contacts',
    flag: 'acme-contact',
    summary: 'Mail addresses that the directories may write to',
    kind: listOf(text('address', /^[^\s@?,]+@[^\s@?,]+$/, 'must be a mail address'), {
      elementsMax: 8,
    }),
    fallback: () => [],
    fallbackWords: 'none',
  }),
  acmeProfile: define({
    name: 'acme.profile',
    summary: 'Profile to ask for, such as shortlived, where a directory offers it',
    kind: optional(text('profile', /^[A-Za-z0-9_-]{1,64}$/, 'must be a name of a profile')),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  acmeExternalKeyId: define({
    name: 'acme.external_key_id',
    summary: 'Key id of the external account that a directory asks for',
    kind: optional(text('id', /^[\x21-\x7e]{1,256}$/, 'must be a key id')),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  acmeExternalKeyFile: define({
    name: 'acme.external_key_file',
    summary: 'File with the key of that account, base64url',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  acmeCaFile: define({
    name: 'acme.ca_file',
    flag: 'acme-ca',
    summary: 'PEM file of authorities to trust when talking to a directory of your own',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  acmeChallengeTypes: define({
    name: 'acme.challenges',
    summary: 'How names are proved, in this order; http-01 needs a plain listener on port 80',
    kind: listOf(challengeKind, { elementsMin: 1, elementsMax: 2 }),
    fallback: () => ['tls-alpn-01', 'http-01'] as const,
  }),
  acmePublicAddresses: define({
    name: 'acme.public_addresses',
    summary: 'Where visitors reach this machine: nothing is ordered for names that lead elsewhere',
    kind: listOf(addressKind, { elementsMax: 64 }),
    fallback: () => [],
    fallbackWords: 'not known',
  }),
  hostsAllowed: define({
    name: 'hosts.allowed',
    summary: 'Serve only these host names; *.example.com is every name below example.com',
    kind: listOf(namePatternKind, { elementsMax: 10_000 }),
    fallback: () => [],
    fallbackWords: 'all',
  }),
  hostsDenied: define({
    name: 'hosts.denied',
    summary: 'Never serve these host names; wins over hosts.allowed',
    kind: listOf(namePatternKind, { elementsMax: 10_000 }),
    fallback: () => [],
    fallbackWords: 'none',
  }),
  hostsAllowedFolders: define({
    name: 'hosts.allowed_folders',
    summary: 'Serve only these folders and what is below them',
    // Folder names of Keybase hold commas.
    kind: listOf(folderKind, { elementsMax: 10_000, separator: ';' }),
    fallback: () => [],
    fallbackWords: 'all',
  }),
  hostsDeniedFolders: define({
    name: 'hosts.denied_folders',
    summary: 'Never serve these folders and what is below them; wins over hosts.allowed_folders',
    kind: listOf(folderKind, { elementsMax: 10_000, separator: ';' }),
    fallback: () => [],
    fallbackWords: 'none',
  }),
  hostsRequireFolderConsent: define({
    name: 'hosts.require_folder_consent',
    summary: 'Serve a host name only when the folder lists it in host_names of terrafirma.toml',
    kind: yesOrNo,
    fallback: () => false,
  }),
  proxiesTrustedCidrs: define({
    name: 'proxies.trusted_cidrs',
    flag: 'trust-proxy',
    summary: 'Proxies in front whose X-Forwarded-For and X-Forwarded-Proto are believed',
    kind: listOf(network, { elementsMax: 256 }),
    fallback: () => [],
    fallbackWords: 'none',
  }),
} as const;
