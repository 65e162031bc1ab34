/** The configuration as text: what `terrafirma config` shows and what the samples are made of. */
import type { TomlOutput, TomlScalar } from './kinds.ts';
import type { LoadedConfig } from './resolve.ts';
import type { Setting } from './schema.ts';
import { allSettings, variableOf } from './schema.ts';

/** The effective configuration as TOML that can be loaded again; comments say where from. */
export function printToml(loaded: LoadedConfig): string {
  const plain = allSettings.filter((setting) => !isTables(setting));
  const tables = allSettings.filter((setting) => isTables(setting));
  const lines = [`# ${loaded.file === undefined ? 'No configuration file' : safe(loaded.file)}`];
  let section: string | undefined;
  for (const setting of plain) {
    const { table, key } = splitName(setting);
    if (table !== section) lines.push('', `[${table}]`);
    section = table;
    const value = printSetting(loaded, setting);
    const origin = safe(loaded.origins.get(setting)?.label ?? '');
    const text = value === undefined ? `# ${key} is not set` : `${key} = ${tomlValue(value)}`;
    lines.push(`${text} # ${origin}`);
  }
  for (const setting of tables) lines.push('', ...printTables(loaded, setting));
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function printJson(loaded: LoadedConfig): string {
  const rows = allSettings.map((setting) => ({
    name: setting.name,
    value: printSetting(loaded, setting) ?? null,
    origin: loaded.origins.get(setting),
    variable: variableOf(setting),
    flag: setting.flag === undefined ? null : `--${setting.flag}`,
  }));
  return `${JSON.stringify({ file: loaded.file ?? null, settings: rows }, undefined, 2)}\n`;
}

/** A value as it may stand after `=`. */
export function tomlValue(value: TomlOutput): string {
  if (!Array.isArray(value)) return tomlScalar(value as TomlScalar);
  return `[${value.map((element) => tomlScalar(element as TomlScalar)).join(', ')}]`;
}

export function splitName(setting: Pick<Setting<unknown>, 'name'>): {
  readonly table: string | undefined;
  readonly key: string;
} {
  const [first = '', second] = setting.name.split('.');
  return second === undefined ? { table: undefined, key: first } : { table: first, key: second };
}

function isTables(setting: Setting<unknown>): boolean {
  return setting.name === 'mounts' || setting.name === 'tls.certificate';
}

function printSetting(loaded: LoadedConfig, setting: Setting<unknown>): TomlOutput | undefined {
  const value = loaded.values.get(setting);
  return value === undefined ? undefined : setting.kind.print(value);
}

function printTables(loaded: LoadedConfig, setting: Setting<unknown>): readonly string[] {
  const origin = safe(loaded.origins.get(setting)?.label ?? '');
  const rows = (printSetting(loaded, setting) ?? []) as readonly Record<string, TomlScalar>[];
  if (rows.length === 0) return [`# ${setting.name} is not set # ${origin}`];
  return rows.flatMap((row, index) => [
    ...(index === 0 ? [] : ['']),
    `[[${setting.name}]] # ${origin}`,
    ...Object.entries(row).map(([key, value]) => `${key} = ${tomlScalar(value)}`),
  ]);
}

/** JSON's strings are TOML's, but for DEL, which TOML wants escaped. */
function tomlScalar(value: TomlScalar): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}

/** A file name may hold a line end, which would end the comment it stands in. */
function safe(comment: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there.
  return comment.replace(/[\u0000-\u001f\u007f]/g, '?');
}
