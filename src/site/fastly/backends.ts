/** `backends` of a `fastly.toml`. Pure. */
import { quoteReceived, withoutSecrets } from '../../names.ts';
import { namePlace, nameType, type Place, SettingsFault } from '../settings/fault.ts';
import { choice, type Kind, milliseconds, text, turned, yesOrNo } from '../settings/kinds.ts';
import { listOf, maybe, needed, type ReadFields, record, tableOf } from '../settings/tables.ts';
import { anyName, fileSource, onlyOne, type Source, textSource } from './sources.ts';

const backendsMax = 64;
const pemBytesMax = 64 * 1024;
const certificatesMax = 32;
const msMax = 2 ** 31 - 1;
const hostBytesMax = 255;

/** Where a back-end is: scheme, host and port, and what stands before each path. */
export interface BackendUrl {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
  /** Without a slash at its end; left out for none. */
  readonly path?: string;
}

const url: Kind<BackendUrl> = {
  jsonSchema: { type: 'string' },
  read(value, place) {
    const rule = `${namePlace(place)} must be a URL of http or https without user and query`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    const isUrl = /^https?:\/\/[^/?#@\\]+(?:\/[^?#\\]*)?$/i.test(value);
    const read = isUrl ? URL.parse(value) : null;
    if (read === null) throw new SettingsFault(place, rule, quoteReceived(withoutSecrets(value)));
    const isTls = read.protocol === 'https:';
    const port = read.port === '' ? (isTls ? 443 : 80) : Number(read.port);
    const path = read.pathname.replace(/\/+$/, '');
    const address = { isTls, host: read.hostname, port };
    return path === '' ? address : { ...address, path };
  },
};

const host = text({
  bytesMax: hostBytesMax,
  rule: 'must be a host name',
  pattern: /^[A-Za-z0-9.[\]:_-]+$/,
  isShown: true,
});
const pem = textSource({
  bytesMax: pemBytesMax,
  rule: 'must be PEM',
  pattern: /^\s*-----BEGIN /,
});
const certificateTable = turned(
  record({ file: maybe(fileSource, 'A PEM file'), value: maybe(pem, 'PEM') }),
  onlyOne,
);
const certificate: Kind<Source> = {
  jsonSchema: { anyOf: [pem.jsonSchema, certificateTable.jsonSchema] },
  read: (value, place) => (typeof value === 'string' ? pem : certificateTable).read(value, place),
};
const certificateList = listOf(certificate, { max: certificatesMax, what: 'certificates' });
const certificates: Kind<readonly Source[]> = {
  jsonSchema: { anyOf: [certificate.jsonSchema, certificateList.jsonSchema] },
  read: (value, place) =>
    Array.isArray(value) ? certificateList.read(value, place) : [certificate.read(value, place)],
};

/** A certificate that is shown to the back-end, and its key. */
export interface ClientCertificate {
  readonly certificate: Source;
  readonly key: Source;
}

const clientCertificate: Kind<ClientCertificate> = turned(
  record({
    certificate: maybe(pem, 'PEM'),
    certificateFile: maybe(fileSource, 'A PEM file'),
    key: maybe(pem, 'PEM'),
    keyFile: maybe(fileSource, 'A PEM file'),
  }),
  (table, place: Place) => {
    const { certificate: own, certificateFile, key, keyFile } = table;
    return {
      certificate: onlyOne({ certificate: own, certificate_file: certificateFile }, place),
      key: onlyOne({ key, key_file: keyFile }, place),
    };
  },
);

const time = milliseconds({ min: 0, max: msMax });

const fields = {
  url: needed(url, 'Where it is'),
  overrideHost: maybe(host, 'Host header'),
  certHost: maybe(host, 'The name that its certificate must be for'),
  useSni: maybe(yesOrNo, 'Whether the handshake names it'),
  clientCertificate: maybe(clientCertificate, 'Shown to it'),
  caCertificate: maybe(certificates, 'Authorities to trust in place of the usual ones'),
  grpc: maybe(yesOrNo, 'HTTP/2'),
  firstByteTimeoutMs: maybe(time, 'Until the first byte of the reply'),
  betweenBytesTimeoutMs: maybe(time, 'Between two pieces of the reply'),
  health: maybe(choice(['unknown', 'healthy', 'unhealthy']), 'What is said of its health'),
} as const;

export type BackendSource = ReadFields<typeof fields>;

export const backendSources: Kind<ReadonlyMap<string, BackendSource>> = tableOf(record(fields), {
  max: backendsMax,
  what: 'back-ends',
  names: anyName,
});
