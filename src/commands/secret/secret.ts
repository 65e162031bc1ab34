/**
 * `terrafirma secret`: seals values that folders keep, and tends the keys that open them. Touches
 * the state directory, by `SealingKeys`.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../../config/load.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { stateOfFolder } from '../../config/state-directory.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type FolderKey, localFolderKey, parseFolderPath } from '../../names.ts';
import {
  fingerprintOf,
  type SecretPlace,
  seal,
  secretBytesMax,
} from '../../outside/secrets/sealed.ts';
import { SealingKeys } from '../../outside/secrets/sealing-keys.ts';
import { isModulePath } from '../../site/settings/kinds.ts';
import { resourceNames } from '../../site/settings/tables.ts';
import type { Arguments, Command, CommandIo } from '../command.ts';
import { askForKey } from './ask-for-key.ts';
import { setText } from './set.ts';

const actions = ['seal', 'rotate', 'key', 'set', 'unset'] as const;

export const secret: Command = {
  name: 'secret',
  summary: 'Seal a secret for the terrafirma.toml of a folder, or manage its keys',
  positionals: [
    { name: 'seal|rotate|key|set|unset', isRequired: true, summary: 'What to do, see below' },
    { name: 'name', isRequired: false, summary: 'With seal, set, unset: what it is called' },
  ],
  flags: [
    { name: 'to', placeholder: 'host', summary: 'Seal for the daemon that serves this host name' },
    {
      name: 'folder',
      placeholder: 'folder',
      summary: 'The folder: as its TXT record names it, or a path',
    },
    { name: 'module', placeholder: 'path', summary: 'Only for this module, such as api.wasm' },
    { name: 'store', placeholder: 'name', summary: 'For the secret store of this name' },
    { name: 'plain', summary: 'With set and unset: a config value, which is no secret' },
    { name: 'retire', summary: 'With rotate: what older keys sealed does not open any more' },
  ],
  readsConfig: true,
  settings: [settings.stateDirectory as Setting<unknown>],
  notes: [
    'seal reads the value from standard input, without an echo on a terminal, and prints the ' +
      'line for terrafirma.toml. The key is that of --to, else that of the daemon here. A ' +
      'sealed line opens in that folder, for that module and under that name alone.',
    'rotate adds a key that seals from now on; older ones open until "rotate --retire". key ' +
      'prints the newest one and its fingerprint.',
    'set stores a value, of the standard input too, for the folder on all nodes of a cluster: it ' +
      'stands over what terrafirma.toml says. unset takes it away.',
    'Sealing protects from readers of the folder, of sync servers and of backups, not from ' +
      'other writers: those can deploy a module that prints the secret.',
  ],
  async run(given, io) {
    const [action, name, ...more] = given.positionals;
    const found = actions.find((each) => each === action);
    if (found === undefined || more.length > 0) {
      throw usage(`it must be one of ${actions.join(', ')}: received "${action}"`);
    }
    if (found === 'seal') return sealOne(given, io, name);
    if (found === 'set' || found === 'unset') {
      const { modulePath, store } = readPlace(given);
      if (modulePath !== undefined) throw usage(`${found} is for a store: received --module`);
      const folderKey = folderKeyOf(given, io, undefined);
      return setText(found, { folderKey, store, name: readName(found, name) }, { given, io });
    }
    if (name !== undefined) throw usage(`${found} takes no name: received "${name}"`);
    const keys = openKeys(given, io);
    const key = found === 'key' ? await keys.newest() : await keys.rotate(given.has('retire'));
    io.write(`${Buffer.from(key.publicKey).toString('base64url')}\n`);
    io.report(`Fingerprint: ${fingerprintOf(key.publicKey)}`);
    return 0;
  },
};

function readName(action: string, name: string | undefined): string {
  if (name !== undefined && resourceNames.pattern.test(name)) return name;
  const received = name === undefined ? 'none' : `"${name}"`;
  throw usage(
    `${action} needs the name of the secret, of ${resourceNames.rule}: received ${received}`,
  );
}

async function sealOne(given: Arguments, io: CommandIo, wanted: string | undefined): Promise<0> {
  const name = readName('seal', wanted);
  const to = given.value('to');
  const asked = to === undefined ? undefined : await askForKey(to);
  const folderKey = folderKeyOf(given, io, asked?.folder);
  const place: SecretPlace = { folderKey, ...readPlace(given), name };
  const publicKey = asked?.publicKey ?? (await openKeys(given, io).newest()).publicKey;
  const value = await io.readSecret(`Value of ${name}: `);
  if (value.length === 0 || value.length > secretBytesMax) {
    throw usage(`a value must have from 1 to ${secretBytesMax} bytes: received ${value.length}`);
  }
  const sealed = await seal(publicKey, value, place);
  io.report(`Fingerprint of the key: ${fingerprintOf(publicKey)}`);
  io.report(`Opens only in ${describePlace(place)}`);
  io.write(`${/^[A-Za-z0-9_-]+$/.test(name) ? name : `"${name}"`} = "${sealed}"\n`);
  return 0;
}

function readPlace(given: Arguments): Pick<SecretPlace, 'modulePath' | 'store'> {
  const modulePath = given.value('module');
  const store = given.value('store');
  if (modulePath !== undefined && !isModulePath(modulePath)) {
    throw usage(
      `--module must be the path of a module, such as api.wasm: received "${modulePath}"`,
    );
  }
  if (store !== undefined && !resourceNames.pattern.test(store)) {
    throw usage(`--store must be a name of ${resourceNames.rule}: received "${store}"`);
  }
  if (modulePath !== undefined && store !== undefined) {
    throw usage('a module’s own secrets are in no store: received --module and --store');
  }
  return { modulePath, store: store === 'default' ? undefined : store };
}

function describePlace({ folderKey, modulePath, store, name }: SecretPlace): string {
  const table =
    modulePath !== undefined
      ? `["${modulePath}".secrets]`
      : `[secrets${store === undefined ? '' : `.${store}`}]`;
  return `the terrafirma.toml of ${folderKey}, in ${table}, as ${name}`;
}

/** The folder that was named; else the one that the daemon serves for the host name. */
function folderKeyOf(given: Arguments, io: CommandIo, served: FolderKey | undefined): FolderKey {
  const named = given.value('folder');
  const [action = ''] = given.positionals;
  if (named === undefined) {
    if (served !== undefined) return served;
    throw usage(`${action} needs --folder, the folder whose secret it is: received none`);
  }
  const local = pathThere(io, named);
  if (local !== undefined) return localFolderKey(local);
  try {
    return parseFolderPath(named).key;
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    throw usage(
      `--folder must be a folder of a TXT record, or a path that is there: ${error.message}`,
    );
  }
}

/** The keys of the daemon here: a folder that is served by its path has a state of its own. */
function openKeys(given: Arguments, io: CommandIo): SealingKeys {
  const { config, origins } = loadConfig({
    flags: given.settings,
    machine: io.machine,
    configFile: given.configFile,
  });
  const { stateDirectory, secrets } = config;
  const isNamed = origins.get(settings.stateDirectory as Setting<unknown>)?.kind !== 'default';
  const folder = given.value('folder');
  if (isNamed || folder === undefined || config.folder !== undefined) {
    return new SealingKeys(stateDirectory, secrets.keyFile);
  }
  const local = pathThere(io, folder);
  const state = local === undefined ? stateDirectory : stateOfFolder(stateDirectory, local);
  return new SealingKeys(state, secrets.keyFile);
}

/** As the operator would write it to serve it: a link is not followed. */
function pathThere(io: CommandIo, given: string): string | undefined {
  const absolute = path.resolve(io.machine.workingDirectory, given);
  return existsSync(absolute) ? absolute : undefined;
}

function usage(rest: string): TerrafirmaError {
  return new TerrafirmaError('usage', `Cannot run secret: ${rest}; see "terrafirma secret --help"`);
}
