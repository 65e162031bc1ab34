/**
 * Touches the configuration file: reads it once, at the start. Flags win over the environment,
 * the environment over the file, the file over the defaults; what comes out is checked whole.
 */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { TerrafirmaError } from '../errors.ts';
import type { Config } from './config.ts';
import type { ConfigFile, FlagValue, LoadedConfig } from './resolve.ts';
import { resolveConfig } from './resolve.ts';
import type { Machine } from './schema.ts';

export interface ConfigSources {
  readonly flags: readonly FlagValue[];
  readonly machine: Machine;
  /** `--config`: this file and no other; it must exist. */
  readonly configFile?: string | undefined;
}

/** A configuration file larger than this is something else. */
const configFileBytesMax = 1024 * 1024;

/** Errors: `config`, naming the line, variable or flag at fault and the rule it breaks. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  return resolveConfig({
    flags: sources.flags,
    machine: sources.machine,
    file: readConfigFile(sources),
  });
}

/** `terrafirma serve` needs to know what to serve. Errors: `usage`, saying what to do. */
export function requireSomethingToServe(config: Config): void {
  if (config.folder !== undefined || config.mounts.length > 0) return;
  throw new TerrafirmaError(
    'usage',
    'Cannot serve: a folder or a mount must be given: received neither; try ' +
      '"terrafirma serve ./folder", or "terrafirma serve --mount /keybase=/keybase" to find ' +
      'folders by TXT records',
  );
}

function readConfigFile(sources: ConfigSources): ConfigFile | undefined {
  const named = sources.configFile ?? sources.machine.environment.TERRAFIRMA_CONFIG;
  if (named !== undefined && named !== '') {
    const file = path.resolve(sources.machine.workingDirectory, named);
    return { path: file, text: readText(file) };
  }
  const found = searchedFiles(sources.machine).find((file) => isFile(file));
  return found === undefined ? undefined : { path: found, text: readText(found) };
}

/**
 * Where a configuration file is looked for, best first: systemd's directory, the user's
 * (XDG base directory specification), the machine's.
 */
export function searchedFiles(machine: Machine): readonly string[] {
  const { environment, homeDirectory } = machine;
  const given = environment.XDG_CONFIG_HOME;
  const configHome =
    given !== undefined && path.isAbsolute(given) ? given : path.join(homeDirectory, '.config');
  const service = environment.CONFIGURATION_DIRECTORY?.split(':')[0];
  return [
    ...(service === undefined || service === '' ? [] : [path.join(service, 'config.toml')]),
    path.join(configHome, 'terrafirma', 'config.toml'),
    '/etc/terrafirma/config.toml',
  ];
}

/** @throws TerrafirmaError `config` where it cannot be seen, as in the home of another user. */
function isFile(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TerrafirmaError(
      'config',
      `Cannot look for a configuration: ${file} must be readable, or not there: ${reason}; set ` +
        'HOME to the home of the user who runs this, or name a file with --config',
      { cause: error },
    );
  }
}

function readText(file: string): string {
  try {
    const size = statSync(file).size;
    if (size > configFileBytesMax) {
      throw new TerrafirmaError(
        'config',
        `Cannot read the configuration: ${file} must have at most ${configFileBytesMax} ` +
          `bytes: received ${size}`,
      );
    }
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof TerrafirmaError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new TerrafirmaError('config', `Cannot read the configuration: ${file}: ${reason}`, {
      cause: error,
    });
  }
}
