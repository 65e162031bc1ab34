/**
 * `acls`, `geolocation`, `device_detection`, `shielding_sites` and `fake_valid_fastly_keys` of a
 * `fastly.toml`. Pure.
 */
import { network } from '../../config/kinds.ts';
import { namePlace, nameType, SettingsFault } from '../settings/fault.ts';
import { asConfigured, choice, type Kind, text, turned, yesOrNo } from '../settings/kinds.ts';
import { devices, type FactTable, geoAddresses } from '../settings/lookups.ts';
import type { AclEntry } from '../settings/stores.ts';
import { listOf, maybe, needed, readTable, record, tableOf } from '../settings/tables.ts';
import { anyName, type FileSource, fileSource } from './sources.ts';

const aclsMax = 64;
const aclEntriesMax = 10_000;
const sitesMax = 256;
const keysMax = 64;
const urlBytesMax = 2_048;

const fileTable = record({ file: needed(fileSource, 'A JSON file with its entries') });

/** A path, or `{ file }`. */
const aclSource: Kind<FileSource> = {
  jsonSchema: { anyOf: [fileSource.jsonSchema, fileTable.jsonSchema] },
  read: (value, place) =>
    typeof value === 'string' ? fileSource.read(value, place) : fileTable.read(value, place).file,
};

export const aclSources: Kind<ReadonlyMap<string, FileSource>> = tableOf(aclSource, {
  max: aclsMax,
  what: 'lists',
  names: anyName,
});

const prefix = asConfigured(network);
const actions: Readonly<Record<string, AclEntry['action']>> = { ALLOW: 'allow', BLOCK: 'deny' };

/** What the file of a list must hold; `op`, and what else the vendor says in it, is ignored. */
export const aclJson: Kind<readonly AclEntry[]> = {
  jsonSchema: {},
  read(value, place) {
    const entries = readTable(value, place).get('entries');
    return aclEntries.read(entries, [...place, 'entries']);
  },
};

const aclEntry: Kind<AclEntry> = {
  jsonSchema: {},
  read(value, place) {
    const table = readTable(value, place);
    const written = table.get('action');
    const action = typeof written === 'string' ? actions[written.toUpperCase()] : undefined;
    if (action === undefined) {
      const rule = `${namePlace([...place, 'action'])} must be "ALLOW" or "BLOCK"`;
      throw new SettingsFault([...place, 'action'], rule, nameType(written));
    }
    return { prefix: prefix.read(table.get('prefix'), [...place, 'prefix']), action };
  },
};
const aclEntries = listOf(aclEntry, { max: aclEntriesMax, what: 'entries' });

/** Facts that stand in the file, or in a JSON file. */
export type FactSource =
  | { readonly kind: 'entries'; readonly entries: FactTable }
  | FileSource
  | undefined;

export interface GeoSource {
  readonly useDefaultLoopback: boolean;
  readonly facts: FactSource;
}

const formats = choice(['inline-toml', 'json']);

export const geoSource: Kind<GeoSource> = turned(
  record({
    useDefaultLoopback: maybe(yesOrNo, 'Whether 127.0.0.1 has a made-up place'),
    format: maybe(formats, 'Where the addresses are'),
    addresses: maybe(geoAddresses, 'By address'),
    file: maybe(fileSource, 'A JSON file of them'),
  }),
  ({ useDefaultLoopback = true, format, addresses, file }, place) => ({
    useDefaultLoopback,
    facts: chooseFacts({ format, entries: addresses, file, key: 'addresses' }, namePlace(place)),
  }),
);

export const deviceSource: Kind<FactSource> = turned(
  record({
    format: maybe(formats, 'Where the user agents are'),
    userAgents: maybe(devices, 'By user agent'),
    file: maybe(fileSource, 'A JSON file of them'),
  }),
  ({ format, userAgents, file }, place) =>
    chooseFacts({ format, entries: userAgents, file, key: 'user_agents' }, namePlace(place)),
);

interface GivenFacts {
  readonly format: 'inline-toml' | 'json' | undefined;
  readonly entries: FactTable | undefined;
  readonly file: FileSource | undefined;
  readonly key: string;
}

function chooseFacts({ format, entries, file, key }: GivenFacts, at: string): FactSource {
  if (format === undefined && entries === undefined && file === undefined) return undefined;
  if (format === 'json' && file !== undefined && entries === undefined) return file;
  if (format === 'inline-toml' && entries !== undefined && file === undefined) {
    return { kind: 'entries', entries };
  }
  const rule = `${at} must have format "inline-toml" and "${key}", or format "json" and "file"`;
  throw new SettingsFault(at.split('.'), rule, 'another table');
}

/** `local`: this node; else where requests to it go. */
export type ShieldingSite = 'local' | { readonly encrypted: string; readonly unencrypted: string };

const siteUrl = text({
  bytesMax: urlBytesMax,
  rule: 'must be a URL of http or https',
  pattern: /^https?:\/\/[^\s@]+$/,
});
const remoteSite = record({
  encrypted: needed(siteUrl, 'For requests by TLS'),
  unencrypted: needed(siteUrl, 'For others'),
});

const shieldingSite: Kind<ShieldingSite> = {
  jsonSchema: { anyOf: [{ type: 'string' }, remoteSite.jsonSchema] },
  read(value, place) {
    if (typeof value !== 'string') return remoteSite.read(value, place);
    if (value.toLowerCase() === 'local') return 'local';
    const rule = `${namePlace(place)} must be "Local" or a table of "encrypted" and "unencrypted"`;
    throw new SettingsFault(place, rule, 'another text');
  },
};

export const shieldingSites: Kind<ReadonlyMap<string, ShieldingSite>> = tableOf(shieldingSite, {
  max: sitesMax,
  what: 'sites',
  names: anyName,
});

export const validKeys: Kind<readonly string[]> = listOf(
  text({ bytesMax: urlBytesMax, rule: 'must hold strings' }),
  { max: keysMax, what: 'keys' },
);
