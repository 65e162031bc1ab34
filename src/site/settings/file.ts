/** The whole of a `terrafirma.toml`: every table and key that may stand at its top. */
import { foldName, quoteReceived } from '../../names.ts';
import { backends } from './backends.ts';
import { cors } from './cors.ts';
import { cron } from './cron.ts';
import { errorPages } from './error-pages.ts';
import { SettingsFault } from './fault.ts';
import { feedback } from './feedback.ts';
import { headers } from './headers.ts';
import { hostName, isModulePath, type JsonSchema } from './kinds.ts';
import { devices, geo } from './lookups.ts';
import { middleware } from './middleware.ts';
import { moduleTable, sharedFields } from './modules.ts';
import { privatePaths } from './private-paths.ts';
import { redirects } from './redirects.ts';
import { routes } from './routes.ts';
import { site } from './site.ts';
import { acls, configStores, keyValueStores, secretStores } from './stores.ts';
import { listOf, maybe, type OtherKeys, type ReadFields, record } from './tables.ts';
import { vendorAnswers } from './vendor.ts';

const hostNamesMax = 1_000;

const fileFields = {
  hostNames: maybe(
    listOf(hostName, { max: hostNamesMax, what: 'host names' }),
    'The folder is served under these names alone',
  ),
  privateFiles: maybe(privatePaths, 'Files that modules read and visitors do not get', 'private'),
  ...sharedFields,
  backends: maybe(backends, 'Servers that modules reach by a name'),
  configStores: maybe(configStores, 'Config stores: values by name', 'config'),
  secretStores: maybe(secretStores, 'Secret stores: plain or sealed values by name', 'secrets'),
  keyValueStores: maybe(keyValueStores, 'Key-value stores that modules share', 'kv'),
  acls: maybe(acls, 'Lists of addresses'),
  geo: maybe(geo, 'What modules are told of an address'),
  devices: maybe(devices, 'What modules are told of a user agent'),
  fastly: maybe(vendorAnswers, 'What is said in place of Fastly’s cloud'),
  cron: maybe(cron, 'When modules are called without a visitor'),
  redirects: maybe(redirects, 'Where paths have gone'),
  headers: maybe(headers, 'What answers carry'),
  errorPages: maybe(errorPages, 'Pages in place of the daemon’s own', 'errors'),
  feedback: maybe(feedback, 'What the daemon may write into the folder'),
  site: maybe(site, 'How the folder behaves as a website'),
  cors: maybe(cors, 'Scripts of which other sites may read answers'),
  routes: maybe(routes, 'Paths that modules answer'),
  middleware: maybe(middleware, 'Modules that stand before others, and before files'),
} as const;

export type FileFields = ReadFields<typeof fileFields>;

/** Tables of modules, and tables of other programs, which begin with `x-`. */
const otherKeys: OtherKeys = {
  patterns: { '\\.wasm$': moduleTable.jsonSchema, '^x-': {} },
  takes(key, place) {
    if (key.startsWith('x-')) return true;
    if (!key.endsWith('.wasm')) return false;
    if (isModulePath(key)) return true;
    const rule = 'a module is named by its path in the folder';
    throw new SettingsFault([...place, key], rule, quoteReceived(key));
  },
  hint(key, value) {
    if (foldName(key).endsWith('.wasm')) return '; a module’s table ends in ".wasm"';
    // TOML takes `[hello.wasm]` for a table `wasm` in a table `hello`.
    const isUnquoted = typeof value === 'object' && value !== null && 'wasm' in value;
    return isUnquoted ? '; a module’s path stands in quotes, as in ["hello.wasm"]' : '';
  },
};

export const settingsFile = record(fileFields, otherKeys);

/** For editors; `$schema` is what they look for in a JSON document of it. */
export function describeSettingsFile(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'terrafirma.toml in a folder that terrafirma serves',
    ...settingsFile.jsonSchema,
  };
}
