/**
 * The command line of a script of ours: one way to ask for help, and one sentence for each slip. A
 * script that goes wrong by its arguments ends with 2, before it has done anything.
 */
import { parseArgs } from 'node:util';

interface Words {
  /** What the help says of it. */
  readonly means: string;
}

/** Without a value. */
export interface SwitchFlag extends Words {
  readonly kind: 'switch';
}

export interface TextFlag extends Words {
  readonly kind: 'text';
  /** What stands for the value in the help: `FILE`. */
  readonly value: string;
  readonly fallback?: string;
}

export interface NumberFlag extends Words {
  readonly kind: 'number';
  readonly fallback: number;
  /** The least it may be; 0 where it is left out. */
  readonly min?: number;
  /** Whether parts of one are taken. */
  readonly isWhole?: boolean;
}

type Flag = SwitchFlag | TextFlag | NumberFlag;

type ValueOf<F> = F extends NumberFlag
  ? number
  : F extends SwitchFlag
    ? boolean
    : F extends { readonly fallback: string }
      ? string
      : string | undefined;

export interface ScriptLine<F extends Readonly<Record<string, Flag>>> {
  /** As it is typed: `npm run attack --`. */
  readonly command: string;
  /** What it does; several lines. */
  readonly about: string;
  readonly flags: F;
  /** What stands beside the flags, as the help names it: `[components] DIR`. */
  readonly rest?: { readonly usage: string; readonly min?: number; readonly max: number };
}

export interface Given<F> {
  readonly flags: { readonly [K in keyof F]: ValueOf<F[K]> };
  readonly rest: readonly string[];
}

/** What ends the script: a text to be printed, and the exit code. */
export interface Ending {
  readonly code: 0 | 2;
  readonly text: string;
}

const columnsMax = 30;

/** The arguments, or why the script ends. */
export function parseScriptLine<const F extends Readonly<Record<string, Flag>>>(
  line: ScriptLine<F>,
  argv: readonly string[],
): Given<F> | Ending {
  const options = Object.fromEntries(
    Object.entries(line.flags).map(([name, { kind }]) => [name, { type: typeOf(kind) }]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    // The first sentence of what Node.js says names the argument.
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split(/[.\n] ?/);
    return refuse(line, why);
  }
  const { positionals: rest, values } = parsed;
  if (values.help === true) return { code: 0, text: describe(line) };
  const { max, min = 0 } = line.rest ?? { max: 0 };
  if (rest.length < min) return refuse(line, `${line.rest?.usage} must be given: received nothing`);
  if (rest.length > max) {
    return refuse(line, `at most ${max} arguments beside the flags: received ${rest[max]} too`);
  }
  const flags: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(line.flags)) {
    const value = readValue(flag, values[name]);
    if (value instanceof RangeError) return refuse(line, `--${name} ${value.message}`);
    flags[name] = value;
  }
  return { flags: flags as Given<F>['flags'], rest };
}

/** The arguments of this process. Ends it where they ask for help, or are wrong. */
export function readScriptLine<const F extends Readonly<Record<string, Flag>>>(
  line: ScriptLine<F>,
): Given<F> {
  const given = parseScriptLine(line, process.argv.slice(2));
  if (!('code' in given)) return given;
  const stream = given.code === 0 ? process.stdout : process.stderr;
  stream.write(given.text);
  return process.exit(given.code);
}

/** Ends the script for a reason that only it knows. */
export function refuseScriptLine(line: { readonly command: string }, why: string): never {
  process.stderr.write(refuse(line, why).text);
  return process.exit(2);
}

function typeOf(kind: Flag['kind']): 'boolean' | 'string' {
  return kind === 'switch' ? 'boolean' : 'string';
}

function readValue(flag: Flag, given: unknown): unknown {
  if (flag.kind === 'switch') return given === true;
  if (flag.kind === 'text') return given ?? flag.fallback;
  if (given === undefined) return flag.fallback;
  const { isWhole = false, min = 0 } = flag;
  const value = Number(given);
  const isNumber = given !== '' && value >= min && (!isWhole || Number.isInteger(value));
  if (isNumber) return value;
  const what = isWhole ? 'a whole number' : 'a number';
  return new RangeError(`must be ${what} of at least ${min}: received ${JSON.stringify(given)}`);
}

function refuse({ command }: { readonly command: string }, why: string): Ending {
  const name = command.replace(/ --$/, '');
  return { code: 2, text: `Cannot run ${name}: ${why}\nSee: ${command} --help\n` };
}

function describe({
  about,
  command,
  flags,
  rest,
}: ScriptLine<Readonly<Record<string, Flag>>>): string {
  const rows = Object.entries(flags).map(([name, flag]): readonly [string, string] => [
    `--${name}${wordOf(flag)}`,
    flag.means + fallbackOf(flag),
  ]);
  const width = Math.min(columnsMax, Math.max(6, ...rows.map(([left]) => left.length)));
  const lines = [...rows, ['--help', 'Show this help'] as const].map(
    ([left, right]) => `  ${left.padEnd(width)}  ${right}`,
  );
  const usage = [command, rest?.usage, rows.length > 0 ? '[flags]' : undefined];
  return [about, '', `Usage: ${usage.filter(Boolean).join(' ')}`, '', ...lines, ''].join('\n');
}

function wordOf(flag: Flag): string {
  if (flag.kind === 'switch') return '';
  return flag.kind === 'number' ? ' N' : ` ${flag.value}`;
}

function fallbackOf(flag: Flag): string {
  if (flag.kind === 'switch') return '';
  const isTold = flag.fallback !== undefined && flag.fallback !== Number.POSITIVE_INFINITY;
  return isTold && flag.fallback !== '' ? `; default: ${flag.fallback}` : '';
}
