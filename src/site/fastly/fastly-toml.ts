/**
 * The `fastly.toml` of a folder: what the vendor's own tools read of it as `[local_server]`, which
 * is how an app says what it runs with where it is not at the vendor's. Pure.
 */
import { parse, TomlError } from 'smol-toml';
import { inBytes } from '../../amounts.ts';
import { nearestName } from '../../config/suggest.ts';
import { lineOf, scanTomlLines } from '../../config/toml-lines.ts';
import { TerrafirmaError } from '../../errors.ts';
import { quoteReceived } from '../../names.ts';
import {
  Faults,
  namePlace,
  nameType,
  type Place,
  SettingsFault,
  tellFaults,
} from '../settings/fault.ts';
import { maybe, type OtherKeys, readTable, record } from '../settings/tables.ts';
import { backendSources } from './backends.ts';
import { aclSources, deviceSource, geoSource, shieldingSites, validKeys } from './lookups.ts';
import { configStoreSources, kvStoreSources, secretStoreSources } from './stores.ts';

export const fastlyName = 'fastly.toml';
const manifestVersionMax = 3;
const section = 'local_server';

/** Words of the vendor's tool to itself. */
const toolKeys = ['viceroy_version', 'pushpin'];
const others: OtherKeys = {
  patterns: {},
  takes: (key) => toolKeys.includes(key),
  hint: () => '',
};

const localServer = record(
  {
    backends: maybe(backendSources, 'Servers that guests reach by a name'),
    configStores: maybe(configStoreSources, 'Values by name'),
    dictionaries: maybe(configStoreSources, 'The same under its old name'),
    kvStores: maybe(kvStoreSources, 'Key-value stores and what they begin with'),
    objectStores: maybe(kvStoreSources, 'The same under its old name'),
    objectStore: maybe(kvStoreSources, 'The same under its oldest name'),
    secretStores: maybe(secretStoreSources, 'Secrets by name'),
    acls: maybe(aclSources, 'Lists of addresses'),
    geolocation: maybe(geoSource, 'What is told of an address'),
    deviceDetection: maybe(deviceSource, 'What is told of a user agent'),
    shieldingSites: maybe(shieldingSites, 'Where shields are'),
    fakeValidFastlyKeys: maybe(validKeys, 'Which keys count as valid'),
  },
  others,
);
/** Tables of it that name files; the vendor has none of these names at the top. */
const fileTables = [
  ...['backends', 'config_stores', 'dictionaries', 'kv_stores', 'object_stores', 'object_store'],
  ...['secret_stores', 'acls', 'geolocation', 'device_detection'],
];
/** Names of another length are never near it. */
const lookalikeLengths = { min: 9, max: 18 };

type LocalTable = ReturnType<typeof localServer.read>;
export type LocalServer = Omit<LocalTable, 'dictionaries' | 'objectStores' | 'objectStore'>;

/** Of a file that has no `[local_server]`, or of no file. */
export const noLocalServer: LocalServer = {};

/**
 * Reads a `fastly.toml`. What is not in `[local_server]` is the vendor's tools' own matter, but for
 * `manifest_version` and what may be a misspelled `[local_server]`.
 *
 * @param bytesMax Limit of the file's size in bytes.
 * @throws TerrafirmaError `bad-settings`; it names the line, and never what may be a secret.
 */
export function parseFastlyToml(bytes: Uint8Array, bytesMax: number): LocalServer {
  if (bytes.length > bytesMax) {
    throw badFastlyToml(`${fastlyName}: must be at most ${inBytes(bytesMax)}: received more`);
  }
  const text = decode(bytes);
  const file = parseToml(text);
  try {
    return readFile(file);
  } catch (error) {
    if (!(error instanceof SettingsFault)) throw error;
    const lines = scanTomlLines(text);
    throw badFastlyToml(tellFaults(error, fastlyName, (place) => lineOf(lines, place)));
  }
}

/** @param what File, line, rule and what was received. */
export function badFastlyToml(what: string): TerrafirmaError {
  return new TerrafirmaError('bad-settings', `Cannot run the module: ${what}`);
}

function readFile(file: Record<string, unknown>): LocalServer {
  const faults = new Faults();
  for (const [key, value] of Object.entries(file)) {
    if (typeof value === 'object') faults.catch(() => refuseLookalike(key));
  }
  faults.catch(() => requireVersion(file.manifest_version));
  const read = faults.catch(() => readLocalServer(file[section]));
  faults.throwAny();
  return read ?? noLocalServer;
}

/** A misspelled table must not look like one that holds: its files would be open to visitors. */
function refuseLookalike(key: string): void {
  const meant = fileTables.includes(key) ? `${section}.${key}` : nearSection(key);
  if (meant === undefined || key === section) return;
  const rule = `no table may look like [${section}]; did you mean "${meant}"?`;
  throw new SettingsFault([key], rule, quoteReceived(key));
}

function nearSection(key: string): string | undefined {
  const { min, max } = lookalikeLengths;
  return key.length < min || key.length > max ? undefined : nearestName(key, [section]);
}

function readLocalServer(value: unknown): LocalServer {
  if (value === undefined) return noLocalServer;
  const table = readTable(value, [section]);
  const read = localServer.read(Object.fromEntries(table), [section]);
  const { dictionaries, objectStores, objectStore, configStores, kvStores, ...more } = read;
  const configs = onlyName({ config_stores: configStores, dictionaries });
  const kvs = onlyName({
    kv_stores: kvStores,
    object_stores: objectStores,
    object_store: objectStore,
  });
  return {
    ...more,
    ...(configs === undefined ? {} : { configStores: configs }),
    ...(kvs === undefined ? {} : { kvStores: kvs }),
  };
}

function requireVersion(version: unknown): void {
  if (version === undefined) return;
  const place: Place = ['manifest_version'];
  const rule = `${namePlace(place)} must be a whole number of at most ${manifestVersionMax}`;
  if (typeof version !== 'number' && typeof version !== 'bigint') {
    throw new SettingsFault(place, rule, nameType(version));
  }
  if (Number.isInteger(Number(version)) && version >= 0 && version <= manifestVersionMax) return;
  throw new SettingsFault(place, rule, `${version}`);
}

/** One table has several names: under two of them nobody could tell which one holds. */
function onlyName<T>(tables: Readonly<Record<string, T | undefined>>): T | undefined {
  const given = Object.entries(tables).filter(([, table]) => table !== undefined);
  const [first, second] = given;
  if (second === undefined) return first?.[1];
  const names = given.map(([name]) => name).join(', ');
  const place = [section, second[0]];
  const beside = `beside ${first?.[0]}, another name of the same table`;
  throw new SettingsFault(place, `${namePlace(place)} must not stand ${beside}`, names);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badFastlyToml(`${fastlyName}: must be TOML in UTF-8: received other bytes`);
  }
}

/** The parser's message shows the text around the fault, which may be a secret: only its place. */
function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    const [line, column] =
      cause instanceof TomlError ? [`:${cause.line}`, `, at column ${cause.column}`] : ['', ''];
    throw badFastlyToml(`${fastlyName}${line}: must be TOML: received a text that is not${column}`);
  }
}
