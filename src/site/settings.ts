/**
 * What the owner sets for a folder: the bytes of its `terrafirma.toml` → SiteSettings. Each section
 * is a file of `settings/`. Pure. The result is plain data: it crosses threads by structured
 * cloning.
 */
import { parse, TomlError } from 'smol-toml';
import { inBytes } from '../amounts.ts';
import { lineOf, scanTomlLines } from '../config/toml-lines.ts';
import { TerrafirmaError } from '../errors.ts';
import type { ModulePath } from '../names.ts';
import { variableNames } from './settings/environment.ts';
import { Faults, SettingsFault, tellFaults } from './settings/fault.ts';
import { type FileFields, settingsFile } from './settings/file.ts';
import type { Grants, NamesGrant } from './settings/grants.ts';
import type { OwnLimits } from './settings/limits.ts';
import { type ModuleTable, moduleTable, type SharedTable } from './settings/modules.ts';
import type { SiteSettings } from './settings/site-settings.ts';
import { defaultStore } from './settings/stores.ts';
import { requireNamesThere, requireTogether } from './settings/together.ts';

export const settingsName = 'terrafirma.toml';

export type { SiteSettings } from './settings/site-settings.ts';

/** The settings of one module; the shape guests see. */
export interface ModuleSettings {
  /** Which one, without the leading `/`. */
  readonly modulePath: string;
  readonly environment: ReadonlyMap<string, string>;
  readonly protocol: 'cgi' | 'wws';
  readonly webSocket: 'lines' | 'frames' | 'off';
  readonly isPlainTextAllowed: boolean;
  /** Whether files of the folder were granted by name; programs for WASI have them without. */
  readonly isGrantedFiles: boolean;
  /** What a handler of http-wasm is configured with. */
  readonly configText?: string | undefined;
  /** Undefined: those of the request, as WAGI has them. */
  readonly arguments: readonly string[] | undefined;
}

const modulesMax = 256;

export const noSettings: SiteSettings = { general: {}, modules: new Map() };

export interface ParseOptions {
  /** Names that grants list may be those of the folder's `fastly.toml`: see `requireNames`. */
  readonly areNamesLater?: boolean;
}

/**
 * Reads a `terrafirma.toml`; `undefined` means that there is none. What is not of the format is
 * refused, because a misspelled setting must not look like one that holds.
 *
 * @param bytesMax Limit of the file's size in bytes.
 * @throws TerrafirmaError `bad-settings`; it names the line, and never what may be a secret.
 */
export function parseSettings(
  bytes: Uint8Array | undefined,
  bytesMax: number,
  { areNamesLater = false }: ParseOptions = {},
): SiteSettings {
  if (bytes === undefined) return noSettings;
  if (bytes.length > bytesMax) throw bad(`: must be at most ${inBytes(bytesMax)}`, bytes.length);
  const text = decode(bytes);
  const file = parseToml(text);
  return withLine(text, () => {
    const settings = readSettings(file);
    if (!areNamesLater) requireNamesThere(settings, settings);
    return settings;
  });
}

/**
 * What the file names must be there, in it or in the folder's `fastly.toml`.
 *
 * @param text Of the file.
 * @param known What both say.
 * @throws TerrafirmaError `bad-settings`
 */
export function requireNames(settings: SiteSettings, text: string, known: SiteSettings): void {
  withLine(text, () => requireNamesThere(settings, known));
}

/** What `read` says of mistakes, each with its line. */
function withLine<T>(text: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SettingsFault)) throw error;
    const lines = scanTomlLines(text);
    const told = tellFaults(error, settingsName, (place) => lineOf(lines, place));
    throw new TerrafirmaError('bad-settings', `Cannot run the modules: ${told}`);
  }
}

function readSettings(file: Record<string, unknown>): SiteSettings {
  const faults = new Faults();
  const read = faults.catch(() => settingsFile.read(file, [])) ?? {};
  const modules = new Map<ModulePath, ModuleTable>();
  for (const [name, value] of Object.entries(file)) {
    if (!name.endsWith('.wasm')) continue;
    faults.catch(() => modules.set(name as ModulePath, moduleTable.read(value, [name])));
  }
  faults.throwAny();
  if (modules.size > modulesMax) {
    throw new SettingsFault(
      [],
      `the file may have at most ${modulesMax} modules`,
      `${modules.size}`,
    );
  }
  const settings = split(read, modules);
  requireTogether(settings);
  return settings;
}

function split(read: FileFields, modules: SiteSettings['modules']): SiteSettings {
  const { environment, configEnv, protocol, webSocket, cgi, grants, limits, ...others } = read;
  const shared = { environment, configEnv, protocol, webSocket, cgi, grants, limits };
  const general = Object.fromEntries(
    Object.entries(shared).filter(([, value]) => value !== undefined),
  ) as SharedTable;
  return { ...others, general, modules };
}

/** The module's own settings before the folder's. */
export function settingsFor(settings: SiteSettings, modulePath: string): ModuleSettings {
  const { general, modules } = settings;
  const own = modules.get(modulePath as ModulePath);
  return {
    modulePath,
    environment: environmentFor(settings, own, modulePath),
    protocol: own?.protocol ?? general.protocol ?? 'cgi',
    webSocket: own?.webSocket ?? general.webSocket ?? 'lines',
    isPlainTextAllowed: own?.cgi?.textPlain ?? general.cgi?.textPlain ?? false,
    isGrantedFiles: (grantsFor(settings, modulePath).files?.length ?? 0) > 0,
    configText: own?.configText,
    arguments: own?.arguments,
  };
}

const noVariables: ReadonlyMap<string, string> = new Map();
const noGrants: Grants = {};
const noLimits: OwnLimits = {};

/** What a module is granted; a key that is left out grants all that the folder names. */
export function grantsFor({ general, modules }: SiteSettings, modulePath: string): Grants {
  const own = modules.get(modulePath as ModulePath)?.grants;
  if (own === undefined) return general.grants ?? noGrants;
  return general.grants === undefined ? own : { ...general.grants, ...own };
}

/** What limits the owner wants for a module; the operator's are the ceiling. */
export function limitsFor({ general, modules }: SiteSettings, modulePath: string): OwnLimits {
  const own = modules.get(modulePath as ModulePath)?.limits;
  if (own === undefined) return general.limits ?? noLimits;
  return general.limits === undefined ? own : { ...general.limits, ...own };
}

/**
 * Values of the config store that was named, secrets of the store `default`, and `env`, the later
 * over the former. On the road of every request: most modules have one of them at most.
 */
function environmentFor(
  settings: SiteSettings,
  own: ModuleTable | undefined,
  modulePath: string,
): ReadonlyMap<string, string> {
  const { general, configStores, secretStores } = settings;
  const sources: ReadonlyMap<string, string>[] = [];
  const add = (source: ReadonlyMap<string, string> | undefined): void => {
    if (source !== undefined && source.size > 0) sources.push(source);
  };
  const configEnv = own?.configEnv ?? general.configEnv;
  if (configEnv !== undefined && isGranted(grantsFor(settings, modulePath).config, configEnv)) {
    add(asVariables(configStores?.get(configEnv)));
  }
  const secrets = secretStores?.get(defaultStore);
  if (
    (secrets !== undefined || own?.secrets !== undefined) &&
    isGranted(grantsFor(settings, modulePath).secrets, defaultStore)
  ) {
    add(asVariables(secrets));
    add(asVariables(own?.secrets));
  }
  add(general.environment);
  add(own?.environment);
  if (sources.length < 2) return sources[0] ?? noVariables;
  return new Map(sources.flatMap((source) => [...source]));
}

/** Names of stores may hold what names of variables may not. */
function asVariables(
  values: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> | undefined {
  if (values === undefined) return undefined;
  const isAll = [...values.keys()].every((name) => variableNames.pattern.test(name));
  if (isAll) return values;
  return new Map([...values].filter(([name]) => variableNames.pattern.test(name)));
}

/** Whether a module is granted a store; where nothing is said, all are. */
export function isGranted(grant: NamesGrant | undefined, name: string): boolean {
  return typeof grant === 'object' ? grant.includes(name) : (grant ?? true);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw bad(': must be TOML in UTF-8', 'other bytes');
  }
}

/** The parser's message shows the text around the fault, which may be a secret: only its place. */
function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw bad(': must be TOML', 'a text that is not');
    throw bad(`:${cause.line}: must be TOML`, `a line that is not, at column ${cause.column}`);
  }
}

const about = `Cannot run the modules: ${settingsName}`;

function bad(rule: string, received: string | number): TerrafirmaError {
  return new TerrafirmaError('bad-settings', `${about}${rule}: received ${received}`);
}
