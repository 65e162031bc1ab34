/** Secrets that stand in plain text where others than the daemon and one person read. Pure. */
import { type FolderKey, parseFolderPath } from '../../names.ts';
import type { SiteSettings } from './site-settings.ts';

export const sealedStart = 'sealed:';

/**
 * The sentence for the folder's owner; undefined when all secrets are sealed, or when nobody else
 * is known to read the folder.
 *
 * @param botUser The daemon's own user among the members, where it has one.
 */
export function describeExposed(
  settings: SiteSettings,
  folderKey: FolderKey,
  botUser: string | undefined,
): string | undefined {
  const plain = plainSecrets(settings);
  const [first] = plain;
  const readers = first === undefined ? undefined : describeReaders(folderKey, botUser);
  if (first === undefined || readers === undefined) return undefined;
  const more = plain.length === 1 ? '' : ` and ${plain.length - 1} more`;
  const verb = plain.length === 1 ? 'stands' : 'stand';
  return (
    `${first}${more} ${verb} in plain text in a folder that ${readers}: ` +
    'seal with "terrafirma secret seal"'
  );
}

/** What a run without the daemon's keys can use; the same object where nothing is sealed. */
export function withoutSealed(settings: SiteSettings): SiteSettings {
  const { secretStores } = settings;
  let isSealed = false;
  const open = (secrets: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
    const left = [...secrets].filter(([, value]) => !value.startsWith(sealedStart));
    isSealed ||= left.length < secrets.size;
    return new Map(left);
  };
  const stores = new Map([...(secretStores ?? [])].map(([name, store]) => [name, open(store)]));
  const modules = new Map(
    [...settings.modules].map(([path, table]) => {
      const secrets = table.secrets && open(table.secrets);
      return [path, secrets === undefined ? table : { ...table, secrets }];
    }),
  );
  return isSealed ? { ...settings, secretStores: stores, modules } : settings;
}

function plainSecrets({ secretStores, modules }: SiteSettings): readonly string[] {
  const ofStores = [...(secretStores ?? [])].flatMap(([store, secrets]) =>
    [...secrets].map(([name, value]) => ({
      name: store === 'default' ? `secrets.${name}` : `secrets.${store}.${name}`,
      value,
    })),
  );
  const ofModules = [...modules].flatMap(([path, { secrets }]) =>
    [...(secrets ?? [])].map(([name, value]) => ({ name: `"${path}".secrets.${name}`, value })),
  );
  return [...ofStores, ...ofModules]
    .filter(({ value }) => value !== '' && !value.startsWith(sealedStart))
    .map(({ name }) => name);
}

/** Undefined where nobody else is known to read. */
function describeReaders(folderKey: FolderKey, botUser: string | undefined): string | undefined {
  if (!folderKey.startsWith('/keybase/')) return undefined;
  const { type, readers, writers } = parseFolderPath(folderKey);
  if (type === 'public') return 'everybody reads';
  if (type === 'team') return 'a team reads';
  const people = writers.filter((name) => name !== botUser);
  const others = readers.filter((name) => name !== botUser);
  if (others.length > 0) return `${others.join(', ')} may read`;
  // One person and the daemon: without a name for the daemon, two members are that.
  const alone = botUser === undefined ? 2 : 1;
  return people.length > alone ? `${people.length} people read` : undefined;
}
