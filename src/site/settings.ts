/**
 * What the owner sets for a site's modules: the bytes of its `terrafirma.toml` → SiteSettings.
 * Pure. The result is plain data: it crosses threads by structured cloning.
 */

import { parse } from 'smol-toml';
import { inBytes } from '../amounts.ts';
import { TerrafirmaError } from '../errors.ts';
import { foldName, type HostName, isServedName, parseHostName, quoteReceived } from '../names.ts';
import { type PrivateRule, parsePrivateRule } from './private-files.ts';

export const settingsName = 'terrafirma.toml';
const webSocketSettings = ['lines', 'frames', 'off'] as const;

/** How a WebSocket's messages reach a program. */
type WebSocketSetting = (typeof webSocketSettings)[number];

/** What one table says; undefined is left to the site's own table. */
export interface SettingsTable {
  readonly environment: ReadonlyMap<string, string>;
  readonly protocol: 'cgi' | 'wws' | undefined;
  readonly webSocket: WebSocketSetting | undefined;
  readonly isPlainTextAllowed: boolean | undefined;
  /** Of one module alone. */
  readonly arguments: readonly string[] | undefined;
}

export interface SiteSettings {
  /** The host names that the owner lets the folder be served for; undefined: any. */
  readonly hostNames?: readonly HostName[];
  /** What modules read and visitors do not get; left out where there is nothing. */
  readonly privateFiles?: readonly PrivateRule[];
  readonly general: SettingsTable;
  /** By module path, such as `dir/hello.wasm`. */
  readonly modules: ReadonlyMap<string, SettingsTable>;
}

/** The settings of one module; the shape guests see. */
export interface ModuleSettings {
  readonly environment: ReadonlyMap<string, string>;
  readonly protocol: 'cgi' | 'wws';
  readonly webSocket: WebSocketSetting;
  readonly isPlainTextAllowed: boolean;
  /** Undefined: those of the request, as WAGI has them. */
  readonly arguments: readonly string[] | undefined;
}

const variablesMax = 256;
const modulesMax = 256;
const hostNamesMax = 1_000;
const argumentsMax = 256;
const privateRulesMax = 256;
const wholeFile = 'the file';
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

const emptyTable: SettingsTable = {
  environment: new Map(),
  protocol: undefined,
  webSocket: undefined,
  isPlainTextAllowed: undefined,
  arguments: undefined,
};

export const noSettings: SiteSettings = { general: emptyTable, modules: new Map() };

/**
 * Reads a `terrafirma.toml`; `undefined` means that there is none. What is not of the format is
 * refused, because a misspelled setting must not look like one that holds.
 *
 * @param bytesMax Limit of the file's size in bytes.
 * @throws TerrafirmaError `bad-settings`; values are never quoted, they may be secrets.
 */
export function parseSettings(bytes: Uint8Array | undefined, bytesMax: number): SiteSettings {
  if (bytes === undefined) return noSettings;
  if (bytes.length > bytesMax) throw bad(`must be at most ${inBytes(bytesMax)}`, `${bytes.length}`);
  const file = parseToml(bytes);
  const { host_names: listed, private: closed } = file;
  delete file.host_names;
  delete file.private;
  const own = new Map<string, unknown>();
  const modules = new Map<string, SettingsTable>();
  for (const [name, value] of Object.entries(file)) {
    if (!name.endsWith('.wasm')) {
      own.set(name, value);
      continue;
    }
    requireModulePath(name);
    modules.set(name, parseTable(readTable(value, name), quoteReceived(name)));
  }
  if (modules.size > modulesMax) throw bad(`at most ${modulesMax} modules`, `${modules.size}`);
  const general = parseTable(own, wholeFile);
  return {
    general,
    modules,
    ...(listed === undefined ? {} : { hostNames: parseHostNames(listed) }),
    ...(closed === undefined ? {} : { privateFiles: parsePrivateFiles(closed) }),
  };
}

function parsePrivateFiles(value: unknown): readonly PrivateRule[] {
  const rule = '"private" must be a list of paths, such as "/app.py", or "/lib/*" for all below';
  if (!Array.isArray(value)) throw bad(rule, show(value));
  if (value.length > privateRulesMax) {
    throw bad(`at most ${privateRulesMax} private paths`, `${value.length}`);
  }
  return value.map((pattern: unknown) => {
    const parsed = typeof pattern === 'string' ? parsePrivateRule(pattern) : undefined;
    if (parsed !== undefined) return parsed;
    throw bad(rule, typeof pattern === 'string' ? quoteReceived(pattern) : show(pattern));
  });
}

/** A name that cannot be one is refused: the owner would wait for it in vain. */
function parseHostNames(value: unknown): readonly HostName[] {
  if (!Array.isArray(value)) throw bad('"host_names" must be a list of host names', show(value));
  if (value.length > hostNamesMax) {
    throw bad(`at most ${hostNamesMax} host names`, `${value.length}`);
  }
  return value.map((name: unknown) => {
    try {
      return parseHostName(typeof name === 'string' ? name : '');
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      const received = typeof name === 'string' ? quoteReceived(name) : show(name);
      throw bad('"host_names" must be a list of host names', received);
    }
  });
}

/** The module's own settings before the site's. */
export function settingsFor(settings: SiteSettings, modulePath: string): ModuleSettings {
  const { general, modules } = settings;
  const own = modules.get(modulePath);
  return {
    environment: mergeEnvironments(general.environment, own?.environment),
    protocol: own?.protocol ?? general.protocol ?? 'cgi',
    webSocket: own?.webSocket ?? general.webSocket ?? 'lines',
    isPlainTextAllowed: own?.isPlainTextAllowed ?? general.isPlainTextAllowed ?? false,
    arguments: own?.arguments,
  };
}

/** On the road of every request: most modules have nothing of their own. */
function mergeEnvironments(
  general: ReadonlyMap<string, string>,
  own: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> {
  return own === undefined || own.size === 0 ? general : new Map([...general, ...own]);
}

function parseTable(table: ReadonlyMap<string, unknown>, at: string): SettingsTable {
  const known = ['env', 'protocol', 'websocket', 'cgi'];
  const more = at === wholeFile ? ['host_names', 'private'] : ['args'];
  requireKnown(table, [...known, ...more], at);
  const protocol = table.get('protocol');
  if (protocol !== undefined && protocol !== 'cgi' && protocol !== 'wws') {
    throw bad(`"protocol" of ${at} must be "cgi" or "wws"`, show(protocol));
  }
  const webSocket = parseWebSocket(table.get('websocket'), at);
  const cgi = readTable(table.get('cgi') ?? {}, `cgi of ${at}`);
  requireKnown(cgi, ['text_plain'], `cgi of ${at}`);
  const textPlain = cgi.get('text_plain');
  if (textPlain !== undefined && typeof textPlain !== 'boolean') {
    throw bad(`"cgi.text_plain" of ${at} must be true or false`, show(textPlain));
  }
  const environment = parseEnvironment(table.get('env') ?? {}, at);
  const listed = parseArguments(table.get('args'), at);
  return { environment, protocol, webSocket, isPlainTextAllowed: textPlain, arguments: listed };
}

function parseArguments(value: unknown, at: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const rule = `"args" of ${at} must be a list of strings without NUL`;
  if (!Array.isArray(value)) throw bad(rule, show(value));
  if (value.length > argumentsMax) {
    throw bad(`at most ${argumentsMax} "args" of ${at}`, `${value.length}`);
  }
  return value.map((text: unknown) => {
    if (typeof text !== 'string') throw bad(rule, show(text));
    if (text.includes('\0')) throw bad(rule, 'one');
    return text;
  });
}

function parseWebSocket(value: unknown, at: string): WebSocketSetting | undefined {
  if (value === undefined) return undefined;
  const found = webSocketSettings.find((setting) => setting === value);
  if (found !== undefined) return found;
  throw bad(`"websocket" of ${at} must be "lines", "frames" or "off"`, show(value));
}

function parseEnvironment(value: unknown, at: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const [name, text] of readTable(value, `env of ${at}`)) {
    if (!variableName.test(name)) {
      throw bad(`variables of ${at} must be letters, digits and "_"`, quoteReceived(name));
    }
    if (typeof text !== 'string') {
      throw bad(`the variable ${name} of ${at} must be a string`, show(text));
    }
    if (text.includes('\0')) throw bad(`the variable ${name} of ${at} must not hold NUL`, 'one');
    variables.set(name, text);
  }
  if (variables.size > variablesMax) {
    throw bad(`at most ${variablesMax} variables in ${at}`, `${variables.size}`);
  }
  return variables;
}

function requireModulePath(name: string): void {
  const segments = name.split('/');
  if (!segments.every(isServedName)) {
    throw bad('a module is named by its path in the folder', quoteReceived(name));
  }
}

function requireKnown(
  table: ReadonlyMap<string, unknown>,
  known: readonly string[],
  at: string,
): void {
  for (const [name, value] of table) {
    if (known.includes(name)) continue;
    const rule = `${at} may hold only ${known.join(', ')}${hintFor(name, value)}`;
    throw bad(rule, quoteReceived(name));
  }
}

/** What the owner may have meant. */
function hintFor(name: string, value: unknown): string {
  if (foldName(name).endsWith('.wasm')) return '; a module’s table ends in ".wasm"';
  // TOML takes `[hello.wasm]` for a table `wasm` in a table `hello`.
  const isUnquoted = typeof value === 'object' && value !== null && 'wasm' in value;
  return isUnquoted ? '; a module’s path stands in quotes, as in ["hello.wasm"]' : '';
}

/** The parser's message shows the text around the fault, which may be a secret: only its place. */
function parseToml(bytes: Uint8Array): Record<string, unknown> {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const line = cause instanceof Error && 'line' in cause ? cause.line : undefined;
    throw bad('must be TOML in UTF-8', line === undefined ? 'something else' : `line ${line}`);
  }
}

function readTable(value: unknown, at: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(`${at} must be a table`, show(value));
  }
  return new Map(Object.entries(value));
}

function show(value: unknown): string {
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

function bad(rule: string, received: string): TerrafirmaError {
  const detail = `Cannot run the modules: ${settingsName}: ${rule}: received ${received}`;
  return new TerrafirmaError('bad-settings', detail);
}
