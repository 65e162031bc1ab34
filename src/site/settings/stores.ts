/**
 * `[config]`, `[secrets]`, `[kv]` and `[acls]`: what a folder has under a name for its modules.
 * Text directly in `[config]` or `[secrets]` belongs to the store `default`.
 */
import { network } from '../../config/kinds.ts';
import { namePlace, type Place, SettingsFault } from './fault.ts';
import { asConfigured, type Kind, text } from './kinds.ts';
import {
  listOf,
  maybe,
  type ReadFields,
  readTable,
  record,
  resourceNames,
  tableOf,
} from './tables.ts';

const storesMax = 32;
const configEntriesMax = 1_000;
const configValueBytesMax = 8_000;
/** Of the folder, all stores and modules together; see `secretsMax` in `together.ts`. */
const secretsPerTableMax = 64;
/** A sealed secret of 8 KiB is longer as text. */
const secretBytesMax = 12 * 1024;
const networksMax = 1_000;

export const defaultStore = 'default';

/** A store's entries by its name. */
export type TextStores = ReadonlyMap<string, ReadonlyMap<string, string>>;

export const configStores: Kind<TextStores> = textStores({
  bytesMax: configValueBytesMax,
  max: configEntriesMax,
  what: 'values',
});

/** Plain text, or `sealed:v1:…`. */
export const secretStores: Kind<TextStores> = textStores({
  bytesMax: secretBytesMax,
  max: secretsPerTableMax,
  what: 'secrets',
});

/** `["api.wasm".secrets]`: of one module alone. */
export const moduleSecrets: Kind<ReadonlyMap<string, string>> = tableOf(
  text({ bytesMax: secretBytesMax, rule: 'must be a string' }),
  { max: secretsPerTableMax, what: 'secrets', names: resourceNames },
);

function textStores(rules: { bytesMax: number; max: number; what: string }): Kind<TextStores> {
  const { bytesMax, max, what } = rules;
  const entries = tableOf(text({ bytesMax, rule: 'must be a string' }), {
    max,
    what,
    names: resourceNames,
  });
  const stores = tableOf(entries, { max: storesMax, what: 'stores', names: resourceNames });
  return {
    jsonSchema: {
      type: 'object',
      additionalProperties: { anyOf: [{ type: 'string' }, entries.jsonSchema] },
    },
    read(value, place) {
      const table = readTable(value, place);
      const direct = [...table].filter(([, inner]) => typeof inner === 'string');
      const named = [...table].filter(([, inner]) => typeof inner !== 'string');
      const read = stores.read(Object.fromEntries(named), place);
      if (direct.length === 0) return read;
      refuseTwice(read.get(defaultStore), direct, place);
      const own = entries.read(Object.fromEntries(direct), place);
      return new Map([
        ...read,
        [defaultStore, new Map([...own, ...(read.get(defaultStore) ?? [])])],
      ]);
    },
  };
}

function refuseTwice(
  store: ReadonlyMap<string, string> | undefined,
  direct: readonly (readonly [string, unknown])[],
  place: Place,
): void {
  const twice = direct.find(([name]) => store?.has(name) === true)?.[0];
  if (twice === undefined) return;
  const at = [...place, twice];
  throw new SettingsFault(at, `${namePlace(at)} must stand once`, `another in "${defaultStore}"`);
}

/** `[kv.notes]`: a key-value store that the modules of the folder share. */
export const keyValueStores: Kind<readonly string[]> = (() => {
  const stores = tableOf(record({}), {
    max: storesMax,
    what: 'stores',
    names: resourceNames,
  });
  return {
    jsonSchema: stores.jsonSchema,
    read: (value, place) => [...stores.read(value, place).keys()],
  };
})();

const networks = listOf(asConfigured(network), { max: networksMax, what: 'networks' });
const aclFields = {
  allow: maybe(networks, 'Networks that are let in: "192.0.2.0/24"'),
  deny: maybe(networks, 'Networks that are kept out; the longest prefix wins'),
} as const;

export interface AclEntry {
  /** As `address/bits`. */
  readonly prefix: string;
  readonly action: 'allow' | 'deny';
}

/** Networks as `address/bits`. */
export type Acl = ReadFields<typeof aclFields> & {
  /** From a `fastly.toml`: of equal networks the later one holds. */
  readonly entries?: readonly AclEntry[];
};

export const acls: Kind<ReadonlyMap<string, Acl>> = tableOf(record(aclFields), {
  max: storesMax,
  what: 'lists',
  names: resourceNames,
});
