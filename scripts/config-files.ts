/**
 * Writes what is made from the tables of settings: the sample configuration, its JSON schema, that
 * of the file in a folder, and docs/configuration.md. A test compares; run this after a change of
 * the table: `node scripts/config-files.ts`.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { splitName, tomlValue } from '../src/config/print.ts';
import type { Machine, Setting } from '../src/config/schema.ts';
import { allSettings, variableOf } from '../src/config/schema.ts';
import { describeSettingsFile } from '../src/site/settings/file.ts';
import { readScriptLine } from './command-line.ts';
import { describeJsonSchema } from './json-schema.ts';

const someMachine: Machine = {
  environment: {},
  homeDirectory: '/home/you',
  workingDirectory: '/home/you',
  parallelism: 4,
  memoryBytes: 8 * 1024 ** 3,
};

/** Path from the root of the repository → text. */
export function renderConfigFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['config/terrafirma.toml', renderSample()],
    ['config/terrafirma.schema.json', printJson(describeJsonSchema())],
    ['config/site-settings.schema.json', printJson(describeSettingsFile())],
    ['docs/configuration.md', renderDocument()],
  ]);
}

function printJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function printFallback(setting: Setting<unknown>): string {
  const value = setting.fallback(someMachine);
  return value === undefined ? '""' : tomlValue(setting.kind.print(value));
}

function renderSample(): string {
  const lines = [
    '#:schema ./terrafirma.schema.json',
    '# Configuration of terrafirma: every setting with its default. Copy this file to',
    '# $XDG_CONFIG_HOME/terrafirma/config.toml or /etc/terrafirma/config.toml and take away',
    '# the # in front of what you change. Bytes may be written as "128 MiB", times as "10 s".',
    '# "terrafirma config" checks it and shows what is in force.',
  ];
  let section: string | undefined;
  for (const setting of allSettings) {
    const { table, key } = splitName(setting);
    if (key === 'mounts' || key === 'certificate') continue;
    if (table !== section) lines.push('', `[${table}]`);
    section = table;
    const words = setting.fallbackWords === undefined ? '' : ` (default: ${setting.fallbackWords})`;
    lines.push('', `# ${setting.summary}${words}`, `# ${key} = ${printFallback(setting)}`);
  }
  return `${[...lines, '', ...sampleMount(), '', ...sampleCertificate()].join('\n')}\n`;
}

function sampleMount(): readonly string[] {
  return [
    '# Where the folders are found that TXT records name; as many as you like, the longest',
    '# prefix wins. watch: "auto", "events", or "poll" where a mount reports no changes.',
    '# writable: whether [feedback] may write into folders whose owners ask for it.',
    '# [[mounts]]',
    '# prefix = "/keybase"',
    '# directory = "/keybase"',
    '# watch = "auto"',
    '# writable = false',
  ];
}

function sampleCertificate(): readonly string[] {
  return [
    '# Certificates of your own; they win over those of ACME and are read again when they change.',
    '# [[tls.certificate]]',
    '# certificate = "/etc/terrafirma/site.pem"',
    '# key = "/etc/terrafirma/site.key"',
  ];
}

function renderDocument(): string {
  const general = allSettings.filter((setting) => splitName(setting).table !== 'limits');
  const limits = allSettings.filter((setting) => splitName(setting).table === 'limits');
  return `${[
    ...introduction,
    '## Settings',
    '',
    '| Key | Flag | Variable | Default | What it does |',
    '|---|---|---|---|---|',
    ...general.map(renderRow),
    '',
    '## Limits',
    '',
    'All in the table `[limits]` of the file. A name without a unit is a count.',
    '',
    '| Key | Variable | Default | What it bounds |',
    '|---|---|---|---|',
    ...limits.map(renderLimit),
  ].join('\n')}\n`;
}

function renderRow(setting: Setting<unknown>): string {
  const flag = setting.flag === undefined ? '' : `\`--${setting.flag} ${placeholder(setting)}\``;
  const fallback = setting.fallbackWords ?? `\`${printFallback(setting)}\``;
  return row([`\`${setting.name}\``, flag, variables(setting), fallback, setting.summary]);
}

function renderLimit(setting: Setting<unknown>): string {
  const { key } = splitName(setting);
  return row([`\`${key}\``, variables(setting), describeAmount(setting), setting.summary]);
}

function variables(setting: Setting<unknown>): string {
  const common = setting.commonVariable;
  const own = `\`${variableOf(setting)}\``;
  return common === undefined ? own : `${own}, else \`${common.name}\``;
}

function placeholder(setting: Setting<unknown>): string {
  return setting.kind.placeholder.replaceAll('|', '\\|');
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function describeAmount(setting: Setting<unknown>): string {
  const value = setting.fallback(someMachine);
  if (typeof value !== 'number') return String(value);
  const unit = setting.kind.placeholder;
  if (unit === 'bytes') {
    if (value % 1024 ** 2 === 0 && value > 0) return `${value / 1024 ** 2} MiB`;
    return value % 1024 === 0 && value > 0 ? `${value / 1024} KiB` : `${value} bytes`;
  }
  if (unit === 'ms') return value % 1000 === 0 && value > 0 ? `${value / 1000} s` : `${value} ms`;
  return String(value);
}

const introduction: readonly string[] = [
  '<!-- Written by scripts/config-files.ts from the table of settings: change that instead. -->',
  '# Configuration',
  '',
  'Flags win over the environment, the environment over the file, the file over the defaults.',
  '`terrafirma config` shows what is in force and where each value came from, as TOML or with',
  '`--json`. Everything is checked at the start; a mistake ends the start with exit code 2 and one',
  'sentence that names the line of the file, the variable or the flag. Unknown keys, flags and',
  '`TERRAFIRMA_…` variables are mistakes too.',
  '',
  'The file is the first of these that exists:',
  '',
  '1. that of `--config` or `TERRAFIRMA_CONFIG` (it must exist),',
  '2. `$CONFIGURATION_DIRECTORY/config.toml` (set by systemd),',
  '3. `$XDG_CONFIG_HOME/terrafirma/config.toml`, by default `~/.config/terrafirma/config.toml`,',
  '4. `/etc/terrafirma/config.toml`.',
  '',
  'A sample with every setting is in `config/terrafirma.toml`; a JSON schema for editors is beside',
  'it.',
  '',
  'Amounts are whole numbers of the unit in their name. As text they may also carry a unit:',
  '`"128 MiB"` (B, KiB, MiB, GiB), `"10 s"` (ms, s, min, h). Relative paths in the file are seen',
  'from the directory of the file, others from where the program was started. In the environment,',
  'lists are separated by commas and mounts (`prefix=directory`) by semicolons; an empty variable',
  'counts as none. `PORT=8080` means `0.0.0.0:8080`: platforms that set it send requests from',
  'outside.',
  '',
  '## A folder or mounts',
  '',
  '`terrafirma serve ./folder` (or `folder` in the file) serves one folder for every host name and',
  'asks no DNS. With mounts, the TXT record of a host name says which folder it gets. Only one of',
  'the two can be in force: the stronger source decides, so `terrafirma serve ./folder` works on a',
  'machine whose file has mounts; both from the same source are a mistake.',
  '',
];

if (import.meta.main) {
  readScriptLine({
    command: 'node scripts/config-files.ts',
    about: 'Writes the sample configuration, its schemas and docs/configuration.md.',
    flags: {},
  });
  const root = path.dirname(import.meta.dirname);
  for (const [file, content] of renderConfigFiles()) writeFileSync(path.join(root, file), content);
}
