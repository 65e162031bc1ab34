/** `terrafirma config`: what is in force, and where each value came from. */
import { loadConfig } from '../config/load.ts';
import { printJson, printToml } from '../config/print.ts';
import { allSettings } from '../config/schema.ts';
import type { Command } from './command.ts';
import { folderFlag } from './serve.ts';

export const config: Command = {
  name: 'config',
  summary: 'Show the configuration in force and where each value came from',
  positionals: [
    { name: 'folder', isRequired: false, summary: 'As "terrafirma serve" would be given it' },
  ],
  flags: [{ name: 'json', summary: 'Print JSON instead of TOML' }],
  readsConfig: true,
  settings: allSettings,
  notes: [
    'Takes the flags of "terrafirma serve". What it prints as TOML can be used as the ' +
      'configuration file.',
    'Exits with 2 when anything is wrong, naming the line, variable or flag at fault.',
  ],
  async run(given, io) {
    const loaded = loadConfig({
      flags: [...given.settings, ...folderFlag(given.positionals[0])],
      machine: io.machine,
      configFile: given.configFile,
    });
    io.write(given.has('json') ? printJson(loaded) : printToml(loaded));
    return 0;
  },
};
