/** argv → the arguments of one command, every slip named in one sentence. */
import { parseArgs } from 'node:util';
import type { FlagValue } from '../config/resolve.ts';
import { suggestion } from '../config/suggest.ts';
import { TerrafirmaError } from '../errors.ts';
import type { Arguments, Command, FlagRow } from './command.ts';

export const helpFlag: FlagRow = { name: 'help', short: 'h', summary: 'Show this help' };

const configFlag: FlagRow = {
  name: 'config',
  placeholder: 'file',
  summary: 'Configuration file, instead of the one that is found',
};

/** All flags of `command`, in the order of its help. */
export function flagsOf(command: Command): readonly FlagRow[] {
  const fromSettings = command.settings.flatMap((setting): readonly FlagRow[] => {
    if (setting.flag === undefined) return [];
    const isRepeatable = setting.kind.separator !== undefined;
    const { summary, kind } = setting;
    return [{ name: setting.flag, placeholder: kind.placeholder, isRepeatable, summary }];
  });
  const config = command.readsConfig ? [configFlag] : [];
  return [...command.flags, ...fromSettings, ...config, helpFlag];
}

interface OptionToken {
  readonly kind: 'option';
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/** Errors: `usage`. With `--help` nothing else is looked at. */
export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const rows = flagsOf(command);
  const { tokens } = parseArgs({
    args: [...argv],
    // Strict parsing stops at the first slip with a message of its own; we write ours.
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(rows.map((row) => [row.name, optionOf(row)])),
  });
  const options = tokens.filter((token) => token.kind === 'option');
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const values = new Map<string, string[]>();
  for (const token of options) readOption(command, token, { rows, values });
  if (!values.has('help')) checkPositionals(command, positionals);
  return {
    positionals,
    settings: settingFlags(command, values),
    configFile: values.get('config')?.[0],
    has: (flag) => values.has(flag),
    value: (flag) => values.get(flag)?.[0],
    values: (flag) => values.get(flag) ?? [],
  };
}

function optionOf(row: FlagRow): { type: 'string' | 'boolean'; short?: string } {
  const type = row.placeholder === undefined ? 'boolean' : 'string';
  return row.short === undefined ? { type } : { type, short: row.short };
}

function refuse(command: Command, rest: string): never {
  const help = `see "terrafirma ${command.name} --help"`;
  const what = command.name === 'run' ? 'the command run' : command.name;
  throw new TerrafirmaError('usage', `Cannot run ${what}: ${rest}; ${help}`);
}

function readOption(
  command: Command,
  token: OptionToken,
  options: { readonly rows: readonly FlagRow[]; readonly values: Map<string, string[]> },
): void {
  const { rows, values } = options;
  const row = rows.find((candidate) => candidate.name === token.name);
  if (row === undefined) {
    const known = rows.map((candidate) => `--${candidate.name}`);
    const meant = suggestion(token.rawName, known);
    refuse(command, `the flag must be known: received ${token.rawName}${meant}`);
  }
  const isSecond = values.has(row.name) && row.isRepeatable !== true;
  if (isSecond && row.placeholder !== undefined) {
    refuse(command, `--${row.name} must be given once: received it twice`);
  }
  if (row.placeholder === undefined) {
    if (token.value === undefined) values.set(row.name, []);
    else refuse(command, `--${row.name} must have no value: received "${token.value}"`);
    return;
  }
  // `--listen --mount …` forgot a value; `--listen=--x` and the lone `-` are meant as they stand.
  const isForgotten = token.inlineValue !== true && /^-./.test(token.value ?? '-x');
  if (isForgotten || token.value === undefined) {
    const next = token.value === undefined ? 'nothing' : token.value;
    refuse(command, `--${row.name} must have a value (${row.placeholder}): received ${next}`);
  }
  values.set(row.name, [...(values.get(row.name) ?? []), token.value]);
}

function checkPositionals(command: Command, received: readonly string[]): void {
  const missing = command.positionals.find((row, at) => row.isRequired && at >= received.length);
  if (missing !== undefined) refuse(command, `<${missing.name}> must be given: received nothing`);
  const excess = received[command.positionals.length];
  if (excess !== undefined) {
    const allowed = command.positionals.length === 0 ? 'no' : `${command.positionals.length}`;
    const noun = command.positionals.length === 1 ? 'argument' : 'arguments';
    const hint = command.excessHint?.(excess) ?? '';
    const received = `received "${excess}" too${hint}`;
    refuse(command, `there must be ${allowed} ${noun} beside the flags: ${received}`);
  }
}

function settingFlags(
  command: Command,
  values: ReadonlyMap<string, readonly string[]>,
): readonly FlagValue[] {
  return command.settings.flatMap((setting) => {
    const given = setting.flag === undefined ? [] : (values.get(setting.flag) ?? []);
    return given.map((text) => ({ setting, label: `--${setting.flag}`, text }));
  });
}
