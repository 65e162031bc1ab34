/** Flags, environment, file and defaults → one frozen Config and where each value came from. */
import path from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { TerrafirmaError } from '../errors.ts';
import { assemble } from './assemble.ts';
import type { Config, Limits } from './config.ts';
import { ValueFault } from './kinds.ts';
import type { Machine, Setting } from './schema.ts';
import { allSettings, limitSettings, settings, variableOf } from './schema.ts';
import { stateOfFolder } from './state-directory.ts';
import { suggestion } from './suggest.ts';
import { lineOf, scanTomlLines } from './toml-lines.ts';

export interface FlagValue {
  readonly setting: Setting<unknown>;
  /** As the person wrote it, e.g. `--listen`; or what stands for it, e.g. `the folder`. */
  readonly label: string;
  readonly text: string;
}

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

export type OriginKind = 'default' | 'file' | 'environment' | 'flag';

/** Where a value came from. `label`: `--listen`, `TERRAFIRMA_LISTEN`, `/etc/…:12`, `default`. */
export interface Origin {
  readonly kind: OriginKind;
  readonly label: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly file: string | undefined;
  readonly origins: ReadonlyMap<Setting<unknown>, Origin>;
  /** The values as the settings table knows them; for printing. */
  readonly values: ReadonlyMap<Setting<unknown>, unknown>;
}

export interface ResolveInput {
  readonly flags: readonly FlagValue[];
  readonly machine: Machine;
  readonly file: ConfigFile | undefined;
}

interface Resolved {
  readonly origin: Origin;
  readonly value: unknown;
}

/** The stronger the later. */
const strengths: readonly OriginKind[] = ['default', 'file', 'environment', 'flag'];

/** Errors: `config`, with the line or name at fault. */
export function resolveConfig(input: ResolveInput): LoadedConfig {
  refuseUnknownVariables(input.machine.environment);
  const resolved = new Map<Setting<unknown>, Resolved>();
  for (const setting of allSettings) {
    resolved.set(setting, {
      origin: { kind: 'default', label: 'default' },
      value: setting.fallback(input.machine),
    });
  }
  if (input.file !== undefined) readFile(input.file, resolved);
  for (const setting of allSettings) readVariable(setting, input.machine, resolved);
  readFlags(input, resolved);
  settleMode(resolved);
  const state = resolved.get(settings.stateDirectory as Setting<unknown>);
  const folder = resolved.get(settings.folder as Setting<unknown>)?.value;
  if (state?.origin.kind === 'default' && typeof folder === 'string') {
    const value = stateOfFolder(String(state.value), folder);
    resolved.set(settings.stateDirectory as Setting<unknown>, { ...state, value });
  }
  const config = assemble((setting) => resolved.get(setting)?.value);
  refuseContradictions(config, resolved);
  return {
    config,
    file: input.file?.path,
    origins: new Map([...resolved].map(([setting, { origin }]) => [setting, origin])),
    values: new Map([...resolved].map(([setting, { value }]) => [setting, value])),
  };
}

function refuse(label: string, rest: string): never {
  throw new TerrafirmaError('config', `Cannot read the configuration: ${label}: ${rest}`);
}

function parseValue(
  setting: Setting<unknown>,
  raw: unknown,
  options: { readonly base: string; readonly label: string },
): unknown {
  try {
    return setting.kind.parse(raw, options.base);
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error;
    const name = error.key === undefined ? setting.name : `${setting.name}.${error.key}`;
    return refuse(options.label, `${name} ${error.message}`);
  }
}

function readFile(file: ConfigFile, resolved: Map<Setting<unknown>, Resolved>): void {
  const document = parseDocument(file);
  const lines = scanTomlLines(file.text);
  const base = path.dirname(file.path);
  for (const { keys, value } of flatten(document)) {
    const label = `${file.path}:${lineOf(lines, keys)}`;
    const name = keys.join('.');
    const setting = allSettings.find((candidate) => candidate.name === name);
    if (setting === undefined) {
      refuse(label, `the key must be known: received "${name}"${suggestKey(name)}`);
    }
    const options = { base, label: labelOfFault(setting, value, { file, lines, keys, label }) };
    const parsed = parseValue(setting, value, options);
    resolved.set(setting, { origin: { kind: 'file', label }, value: parsed });
  }
}

interface FilePlace {
  readonly file: ConfigFile;
  readonly lines: ReadonlyMap<string, number>;
  readonly keys: readonly string[];
  readonly label: string;
}

/** For a list: the line of its first faulty element, or of its key: it may be far from the list. */
function labelOfFault(setting: Setting<unknown>, value: unknown, place: FilePlace): string {
  if (setting.kind.separator === undefined || !Array.isArray(value)) return place.label;
  const base = path.dirname(place.file.path);
  for (const [index, element] of value.entries()) {
    const fault = faultOf(setting, [element], base);
    if (fault === undefined) continue;
    const inside = fault.key === undefined ? [] : [fault.key];
    const line = lineOf(place.lines, [...place.keys, String(index), ...inside]);
    return `${place.file.path}:${line}`;
  }
  return place.label;
}

function parseDocument(file: ConfigFile): Record<string, unknown> {
  try {
    return parseToml(file.text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0] ?? '';
    return refuse(`${file.path}:${error.line}`, `it must be valid TOML: ${reason}`);
  }
}

function faultOf(setting: Setting<unknown>, raw: unknown, base: string): ValueFault | undefined {
  try {
    setting.kind.parse(raw, base);
    return undefined;
  } catch (error) {
    if (error instanceof ValueFault) return error;
    throw error;
  }
}

const sections: ReadonlySet<string> = new Set(
  allSettings.flatMap(({ name }) => (name.includes('.') ? [name.split('.')[0] ?? ''] : [])),
);

/** Top-level keys and the keys of known tables; tables do not nest deeper. */
function flatten(
  document: Record<string, unknown>,
): readonly { readonly keys: readonly string[]; readonly value: unknown }[] {
  return Object.entries(document).flatMap(([key, value]) => {
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!sections.has(key) || !isTable) return [{ keys: [key], value }];
    return Object.entries(value).map(([inner, innerValue]) => ({
      keys: [key, inner],
      value: innerValue as unknown,
    }));
  });
}

function suggestKey(name: string): string {
  const known = allSettings.map((setting) => setting.name);
  // `cpu_ms_max` outside of its table is a common slip.
  const elsewhere = known.find((candidate) => candidate.split('.')[1] === name.split('.').at(-1));
  if (elsewhere !== undefined) return ` (did you mean "${elsewhere}"?)`;
  return suggestion(name, [...known, ...sections]);
}

function readVariable(
  setting: Setting<unknown>,
  machine: Machine,
  resolved: Map<Setting<unknown>, Resolved>,
): void {
  const { environment, workingDirectory } = machine;
  const label = variableOf(setting);
  // An empty variable counts as none: service managers cannot take one away.
  const text = environment[label];
  if (text !== undefined && text !== '') {
    const { separator } = setting.kind;
    const raw = separator === undefined ? text : splitList(text, separator);
    const value = parseValue(setting, raw, { base: workingDirectory, label });
    resolved.set(setting, { origin: { kind: 'environment', label }, value });
    return;
  }
  const common = setting.commonVariable;
  const commonText = common === undefined ? undefined : environment[common.name];
  if (common === undefined || commonText === undefined || commonText === '') return;
  try {
    const value = common.parse(commonText);
    resolved.set(setting, { origin: { kind: 'environment', label: common.name }, value });
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error;
    refuse(common.name, error.message);
  }
}

function splitList(text: string, separator: string): readonly string[] {
  return text
    .split(separator)
    .map((element) => element.trim())
    .filter((element) => element !== '');
}

/**
 * A misspelt variable must not go unnoticed. Kubernetes invents variables for a service that is
 * named terrafirma (`TERRAFIRMA_SERVICE_HOST`, `TERRAFIRMA_PORT_80_TCP`): those are not for us.
 */
function refuseUnknownVariables(environment: Machine['environment']): void {
  const known = new Set([
    ...['TERRAFIRMA_CONFIG', 'TERRAFIRMA_ADMIN_TOKEN'],
    ...allSettings.map((entry) => variableOf(entry)),
  ]);
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('TERRAFIRMA_') || known.has(name)) continue;
    if (/^TERRAFIRMA_(SERVICE_(HOST|PORT)|PORT)(_|$)/.test(name)) continue;
    refuse(name, `the variable must be known: received it${suggestion(name, known)}`);
  }
}

function readFlags(input: ResolveInput, resolved: Map<Setting<unknown>, Resolved>): void {
  const base = input.machine.workingDirectory;
  for (const setting of new Set(input.flags.map((flag) => flag.setting))) {
    const given = input.flags.filter((flag) => flag.setting === setting);
    const label = given[0]?.label ?? '';
    const isList = setting.kind.separator !== undefined;
    if (!isList && given.length > 1) {
      refuse(label, `must be given once: received it ${given.length} times`);
    }
    const raw = isList ? given.map((flag) => flag.text) : given[0]?.text;
    const value = parseValue(setting, raw, { base, label });
    resolved.set(setting, { origin: { kind: 'flag', label }, value });
  }
}

/**
 * A folder answers for every host name, mounts answer by TXT record: only one can be meant. The
 * stronger source decides, so that `terrafirma serve ./folder` works on a machine whose
 * configuration file has mounts.
 */
function settleMode(resolved: Map<Setting<unknown>, Resolved>): void {
  const folder = resolved.get(settings.folder as Setting<unknown>);
  const mounts = resolved.get(settings.mounts as Setting<unknown>);
  if (folder?.value === undefined || mounts === undefined) return;
  if ((mounts.value as readonly unknown[]).length === 0) return;
  const difference = strengths.indexOf(folder.origin.kind) - strengths.indexOf(mounts.origin.kind);
  if (difference === 0) {
    const both = `received ${folder.origin.label} and ${mounts.origin.label}`;
    refuse(mounts.origin.label, `there must be one folder or mounts, not both: ${both}`);
  }
  if (difference > 0) {
    const { label } = folder.origin;
    resolved.set(settings.mounts as Setting<unknown>, {
      origin: { kind: folder.origin.kind, label: `put aside by ${label}` },
      value: [],
    });
  } else {
    resolved.set(settings.folder as Setting<unknown>, {
      origin: { kind: mounts.origin.kind, label: `put aside by ${mounts.origin.label}` },
      value: undefined,
    });
  }
}

/** Values that are right alone and wrong together. */
function refuseContradictions(
  config: Config,
  resolved: ReadonlyMap<Setting<unknown>, Resolved>,
): void {
  refuseTlsWithoutCertificates(config, resolved);
  if (config.variablesFile !== undefined && config.mounts.length > 0) {
    const label = resolved.get(settings.variablesFile as Setting<unknown>)?.origin.label ?? '';
    refuse(label, 'variables_file is for a folder that is served by its path: received mounts');
  }
  const prefixes = config.mounts.map((mount) => mount.prefix);
  const twice = prefixes.find((prefix, index) => prefixes.indexOf(prefix) !== index);
  if (twice !== undefined) {
    const label = resolved.get(settings.mounts as Setting<unknown>)?.origin.label ?? '';
    refuse(label, `mounts must have different prefixes: received ${twice} twice`);
  }
  const atMost: readonly (readonly [keyof Limits, keyof Limits])[] = [
    ['dnsTtlFloorMs', 'dnsTtlCeilingMs'],
    ['sliceMs', 'cpuMsMax'],
    ['kvValueBytesMax', 'kvNamespaceBytesMax'],
    ['kvNamespaceBytesMax', 'kvOwnerBytesMax'],
    ['kvOwnerBytesMax', 'kvBytesMax'],
    ['moduleBytesMax', 'moduleBytesPerFolderMax'],
    ['moduleBytesMax', 'storeOwnerBytesMax'],
    ['storeOwnerBytesMax', 'storeBytesMax'],
  ];
  for (const [lower, upper] of atMost) {
    if (config.limits[lower] <= config.limits[upper]) continue;
    const low = limitSettings[lower];
    const high = limitSettings[upper];
    const origins = [low, high].map((setting) => resolved.get(setting as Setting<unknown>)?.origin);
    const strongest = origins.find((origin) => origin?.kind !== 'default')?.label ?? 'default';
    const received = `received ${config.limits[lower]} and ${config.limits[upper]}`;
    refuse(strongest, `${low.name} must be at most ${high.name}: ${received}`);
  }
}

/** A TLS listener that could finish no handshake is a mistake, not a configuration. */
function refuseTlsWithoutCertificates(
  config: Config,
  resolved: ReadonlyMap<Setting<unknown>, Resolved>,
): void {
  const { acme, tls } = config;
  if (tls.listen.length === 0 || tls.certificates.length > 0) return;
  const label = resolved.get(settings.tlsListen as Setting<unknown>)?.origin.label ?? '';
  if (!acme.isAgreed) {
    const rule = 'tls.listen needs acme.terms_agreed = true or a [[tls.certificate]]';
    refuse(label, `${rule}: received neither`);
  }
  if (config.folder === undefined) return;
  const rule = 'in folder mode every name is answered, so none is ordered: tls.listen needs a';
  refuse(label, `${rule} [[tls.certificate]]: received none`);
}
