/** What must fit together in a `terrafirma.toml` although each value alone is right. */
import { nearestName } from '../../config/suggest.ts';
import { quoteReceived } from '../../names.ts';
import type { Backend } from './backends.ts';
import { Faults, namePlace, type Place, SettingsFault } from './fault.ts';
import type { Grants } from './grants.ts';
import type { SiteSettings } from './site-settings.ts';
import { defaultStore } from './stores.ts';

/** Of the whole folder: each is opened whenever the file changes. */
const secretsMax = 64;

/**
 * What the file names must be there.
 *
 * @param known What the folder has, by this file and its `fastly.toml`.
 * @throws SettingsFault
 */
export function requireNamesThere(settings: SiteSettings, known: SiteSettings): void {
  const faults = new Faults();
  const { general, modules } = settings;
  requireGrants(general.grants, { settings: known, place: ['grants'], faults });
  faults.catch(() => requireConfigEnv(known, general.configEnv, ['config_env']));
  for (const [path, table] of modules) {
    requireGrants(table.grants, { settings: known, place: [path, 'grants'], faults });
    faults.catch(() => requireConfigEnv(known, table.configEnv, [path, 'config_env']));
  }
  faults.throwAny();
}

/** @throws SettingsFault */
export function requireTogether(settings: SiteSettings): void {
  const faults = new Faults();
  for (const [name, backend] of settings.backends ?? []) {
    faults.catch(() => requireClientKey(settings, name, backend));
  }
  faults.catch(() => requireFewSecrets(settings));
  faults.catch(() => requireCanonicalHost(settings));
  faults.throwAny();
}

/** What a list names must be there: a misspelled name would be nothing that anybody has. */
function requireGrants(
  grants: Grants | undefined,
  at: { readonly settings: SiteSettings; readonly place: Place; readonly faults: Faults },
): void {
  if (grants === undefined) return;
  const { settings, place, faults } = at;
  const known = {
    kv: settings.keyValueStores ?? [],
    config: [...(settings.configStores?.keys() ?? [])],
    // A module may have secrets of its own.
    secrets: [...(settings.secretStores?.keys() ?? []), defaultStore],
    backends: [...(settings.backends?.keys() ?? [])],
    acls: [...(settings.acls?.keys() ?? [])],
  };
  for (const key of ['kv', 'config', 'secrets', 'backends', 'acls'] as const) {
    const names = grants[key];
    if (names === undefined || typeof names === 'boolean') continue;
    for (const name of names) {
      faults.catch(() => requireKnown(name, known[key], [...place, key], key));
    }
  }
}

function requireConfigEnv(
  { configStores }: SiteSettings,
  name: string | undefined,
  place: Place,
): void {
  if (name !== undefined) requireKnown(name, [...(configStores?.keys() ?? [])], place, 'config');
}

function requireKnown(name: string, known: readonly string[], place: Place, table: string): void {
  if (known.includes(name)) return;
  const nearest = nearestName(name, known);
  const meant = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  const rule = `${namePlace(place)} must name what stands in the file as [${table}.NAME]${meant}`;
  throw new SettingsFault(place, rule, quoteReceived(name));
}

function requireClientKey(
  { secretStores }: SiteSettings,
  name: string,
  { clientCertificate, clientKey }: Backend,
): void {
  const place = ['backends', name];
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    const rule = `${namePlace(place)} must have client_certificate and client_key, or neither`;
    throw new SettingsFault(place, rule, 'one of them');
  }
  if (clientKey === undefined) return;
  if (secretStores?.get(clientKey.store)?.has(clientKey.name) === true) return;
  const at = [...place, 'client_key'];
  const rule = `${namePlace(at)} must name a secret of the folder, such as "vault/key"`;
  throw new SettingsFault(at, rule, 'one that is not there');
}

function requireFewSecrets({ secretStores, modules }: SiteSettings): void {
  const ofFolder = [...(secretStores?.values() ?? [])].map(({ size }) => size);
  const ofModules = [...modules.values()].map(({ secrets }) => secrets?.size ?? 0);
  const count = [...ofFolder, ...ofModules].reduce((sum, size) => sum + size, 0);
  if (count <= secretsMax) return;
  throw new SettingsFault(
    ['secrets'],
    `a folder may have at most ${secretsMax} secrets`,
    `${count}`,
  );
}

function requireCanonicalHost({ site, hostNames }: SiteSettings): void {
  const host = site?.canonicalHost;
  if (host === undefined || hostNames === undefined || hostNames.includes(host)) return;
  const place = ['site', 'canonical_host'];
  const rule = `${namePlace(place)} must be among host_names, or nobody could be served`;
  throw new SettingsFault(place, rule, quoteReceived(host));
}
