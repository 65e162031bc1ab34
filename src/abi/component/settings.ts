/**
 * What the folder's owner has set, and the log, by the interfaces that hosts other than WASI's own
 * have for them: `wasi:config`, `wasi:logging`, and variables of Spin.
 */

import { Buffer } from 'node:buffer';
import { type HostFunction, type HostInterface, prompt, waiting } from './functions.ts';
import type { ComponentRun } from './guest.ts';
import { failed, ok, type Variant } from './results.ts';
import {
  configRuntime,
  configStore,
  logging,
  spinVariables,
  spinVariables3,
} from './wit/settings.ts';

/** What belongs to no store that was named. */
const defaultStore = 'default';
/** As Spin has them: words of lower case. */
const variableName = /^[a-z](?:_?[a-z0-9])*$/;
/** Levels of `wasi:logging`, in order, as the log has them. */
const levels = ['info', 'info', 'info', 'warn', 'error', 'error'] as const;
/** Cases of Spin's `error`. */
const invalidName = 0;
const notDefined = 1;

/** The environment, over the config store `default`. */
function configured({ capabilities }: ComponentRun): ReadonlyMap<string, string> {
  const store = capabilities.config.open(defaultStore);
  const values = new Map<string, string>();
  for (const key of store?.keys ?? []) values.set(key, store?.get(key) ?? '');
  for (const [name, value] of capabilities.settings.environment) values.set(name, value);
  return values;
}

function settingOf({ capabilities }: ComponentRun, name: string): string | undefined {
  return (
    capabilities.settings.environment.get(name) ?? capabilities.config.open(defaultStore)?.get(name)
  );
}

/** In config, in secrets, or in the environment, where names are in upper case. */
function variable(run: ComponentRun, name: string): Variant {
  if (!variableName.test(name)) return failed({ tag: invalidName, value: name });
  const { secrets, settings } = run.capabilities;
  const secret = secrets.open(defaultStore)?.get(name);
  const value =
    secret === undefined
      ? (settingOf(run, name) ?? settings.environment.get(name.toUpperCase()))
      : Buffer.from(secret).toString('utf8');
  return value === undefined ? failed({ tag: notDefined, value: name }) : ok(value);
}

const configFunctions: Readonly<Record<string, HostFunction>> = {
  get: prompt((guest) => (key: string) => ok(settingOf(guest.run, key))),
  'get-all': prompt((guest) => () => ok([...configured(guest.run)])),
};

const loggingFunctions: Readonly<Record<string, HostFunction>> = {
  log: prompt((guest) => (level: number, context: string, message: string) => {
    const text = context === '' ? message : `${context}: ${message}`;
    guest.run.capabilities.log.write(levels[level] ?? 'info', text);
  }),
};

export const settingsInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:config/store@0.2.0-rc.1',
    text: configStore,
    functions: configFunctions,
  },
  {
    name: 'wasi:config/store@0.2.0-draft-2024-09-27',
    text: configStore,
    functions: configFunctions,
  },
  {
    name: 'wasi:config/runtime@0.2.0-draft',
    text: configRuntime,
    functions: configFunctions,
  },
  { name: 'wasi:logging/logging@0.1.0-draft', text: logging, functions: loggingFunctions },
  { name: 'wasi:logging/logging', text: logging, functions: loggingFunctions },
  {
    name: 'fermyon:spin/variables@2.0.0',
    text: spinVariables,
    functions: { get: prompt((guest) => (name: string) => variable(guest.run, name)) },
  },
  {
    name: 'spin:variables/variables@3.0.0',
    text: spinVariables3,
    functions: { get: waiting((guest) => (name: string) => variable(guest.run, name)) },
  },
];
