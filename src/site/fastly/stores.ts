/** `config_stores`, `kv_stores` and `secret_stores` of a `fastly.toml`. Pure. */
import { kvKeyFault, quoteReceived } from '../../names.ts';
import { namePlace, type Place, SettingsFault } from '../settings/fault.ts';
import { choice, type Kind, text, turned } from '../settings/kinds.ts';
import { listOf, maybe, needed, record, tableOf } from '../settings/tables.ts';
import {
  anyName,
  envSource,
  type FileSource,
  fileSource,
  onlyOne,
  type Source,
  textSource,
} from './sources.ts';

const storesMax = 64;
const configEntriesMax = 10_000;
const configKeyCharactersMax = 256;
const configValueCharactersMax = 8_000;
const kvEntriesMax = 10_000;
const kvDataBytesMax = 256 * 1024;
const metadataBytesMax = 2_000;
const secretsMax = 256;
const secretBytesMax = 64 * 1024;

/** Its entries, or the file that has them. */
export type TextStoreSource =
  | { readonly kind: 'entries'; readonly entries: ReadonlyMap<string, string> }
  | FileSource;

export interface KvEntry {
  readonly key: string;
  readonly value: Source;
  readonly metadata?: string;
}

export type KvStoreSource =
  | { readonly kind: 'entries'; readonly entries: readonly KvEntry[] }
  | FileSource;

export interface SecretEntry {
  readonly key: string;
  readonly value: Source;
}

export type SecretStoreSource =
  | { readonly kind: 'entries'; readonly entries: readonly SecretEntry[] }
  | FileSource;

/** Also what a JSON file of it must hold. */
export const configEntries: Kind<ReadonlyMap<string, string>> = turned(
  tableOf(text({ bytesMax: 4 * configValueCharactersMax, rule: 'must be a string' }), {
    max: configEntriesMax,
    what: 'entries',
    names: anyName,
  }),
  (entries, place) => {
    for (const [key, value] of entries) {
      requireLength(key, configKeyCharactersMax, [...place, key]);
      requireLength(value, configValueCharactersMax, [...place, key]);
    }
    return entries;
  },
);

function requireLength(written: string, charactersMax: number, place: Place): void {
  const { length } = [...written];
  if (length <= charactersMax) return;
  const what = charactersMax === configKeyCharactersMax ? 'a key' : 'a value';
  const rule = `${namePlace(place)}: ${what} has at most ${charactersMax} characters`;
  throw new SettingsFault(place, rule, `${length}`);
}

const inlineOrJson = record({
  format: needed(choice(['inline-toml', 'json']), 'Where its entries are'),
  contents: maybe(configEntries, 'Its entries'),
  file: maybe(fileSource, 'A JSON file with its entries'),
});

const configStore: Kind<TextStoreSource> = turned(inlineOrJson, (store, place) => {
  const { format, contents, file } = store;
  if (format === 'json' && file !== undefined && contents === undefined) return file;
  if (format === 'inline-toml' && contents !== undefined && file === undefined) {
    return { kind: 'entries', entries: contents };
  }
  const key = format === 'json' ? 'file' : 'contents';
  const rule = `${namePlace(place)} of format "${format}" must have "${key}" and no other`;
  throw new SettingsFault(place, rule, 'another table');
});

export const configStoreSources: Kind<ReadonlyMap<string, TextStoreSource>> = tableOf(configStore, {
  max: storesMax,
  what: 'stores',
  names: anyName,
});

const kvFields = {
  key: needed(text({ bytesMax: 4_096, rule: 'must be a string' }), 'Its key'),
  data: maybe(textSource({ bytesMax: kvDataBytesMax, rule: 'must be a string' }), 'Its value'),
  file: maybe(fileSource, 'The file that is its value'),
  path: maybe(fileSource, 'The same under its old name'),
  metadata: maybe(text({ bytesMax: metadataBytesMax, rule: 'must be a string' }), 'Metadata'),
} as const;

const kvEntry: Kind<KvEntry> = turned(record(kvFields), (entry, place) => {
  const { key, data, file, path, metadata } = entry;
  requireKvKey(key, [...place, 'key']);
  const value = onlyOne({ data, file: file ?? path }, place);
  return metadata === undefined ? { key, value } : { key, value, metadata };
});

/** @throws SettingsFault */
export function requireKvKey(key: string, place: Place): void {
  const fault = kvKeyFault(key);
  if (fault === undefined) return;
  throw new SettingsFault(place, `${namePlace(place)}: ${fault}`, quoteReceived(key));
}

const { key: _, path: __, ...kvValueFields } = kvFields;
const kvValue = record(kvValueFields);
const kvText = kvFields.data.kind;

/** What a JSON file of a key-value store must hold: text by key, or `{data | file, metadata}`. */
export const kvJsonEntries: Kind<readonly KvEntry[]> = turned(
  tableOf<KvEntry>(
    {
      jsonSchema: {},
      read(value, place) {
        const key = place.at(-1) ?? '';
        requireKvKey(key, place);
        if (typeof value === 'string') return { key, value: kvText.read(value, place) };
        const { data, file, metadata } = kvValue.read(value, place);
        const source = onlyOne({ data, file }, place);
        return metadata === undefined ? { key, value: source } : { key, value: source, metadata };
      },
    },
    { max: kvEntriesMax, what: 'entries', names: anyName },
  ),
  (entries) => [...entries.values()],
);

/** A list of entries, or `{ file, format = "json" }`. */
function listOrFile<T>(
  entries: Kind<readonly T[]>,
): Kind<{ readonly kind: 'entries'; readonly entries: readonly T[] } | FileSource> {
  const file = record({
    file: needed(fileSource, 'A JSON file with its entries'),
    format: needed(choice(['json']), 'Of the file'),
  });
  return {
    jsonSchema: { anyOf: [entries.jsonSchema, file.jsonSchema] },
    read(value, place) {
      if (Array.isArray(value)) return { kind: 'entries', entries: entries.read(value, place) };
      return file.read(value, place).file;
    },
  };
}

export const kvStoreSources: Kind<ReadonlyMap<string, KvStoreSource>> = tableOf(
  listOrFile(listOf(kvEntry, { max: kvEntriesMax, what: 'entries' })),
  { max: storesMax, what: 'stores', names: anyName },
);

const secretName = text({
  bytesMax: 255,
  rule: 'must be letters, digits, "_", "-" and "."',
  pattern: /^[A-Za-z0-9_.-]+$/,
  isShown: true,
});
const secretText = textSource({ bytesMax: secretBytesMax, rule: 'must be a string' });

const secretEntry: Kind<SecretEntry> = turned(
  record({
    key: needed(secretName, 'Its name'),
    data: maybe(secretText, 'Its value'),
    file: maybe(fileSource, 'The file that is its value'),
    env: maybe(envSource, 'The environment variable that is its value'),
  }),
  ({ key, data, file, env }, place) => ({ key, value: onlyOne({ data, file, env }, place) }),
);

export const secretStoreSources: Kind<ReadonlyMap<string, SecretStoreSource>> = tableOf(
  listOrFile(listOf(secretEntry, { max: secretsMax, what: 'secrets' })),
  {
    max: storesMax,
    what: 'stores',
    names: {
      pattern: /^[A-Za-z0-9_.-]{1,255}$/,
      rule: 'letters, digits, "_", "-" and ".", at most 255 of them',
    },
  },
);

/** What a JSON file of a secret store must hold: text by name. */
export const secretJsonEntries: Kind<readonly SecretEntry[]> = turned(
  tableOf(secretText, {
    max: secretsMax,
    what: 'secrets',
    names: { pattern: /^[A-Za-z0-9_.-]{1,255}$/, rule: 'letters, digits, "_", "-" and "."' },
  }),
  (entries) => [...entries].map(([key, value]) => ({ key, value })),
);
