/** `wasi:cli` 0.2: what a program has around it. There is no terminal. */
import { type HostInterface, prompt, waiting } from './functions.ts';
import type { ComponentRun } from './guest.ts';
import type { Variant } from './results.ts';
import { InputStream, OutputStream } from './streams.ts';
import {
  environment,
  exit,
  stderr,
  stdin,
  stdout,
  terminalInput,
  terminalOutput,
  terminalStderr,
  terminalStdin,
  terminalStdout,
} from './wit/cli.ts';

type Variables = ComponentRun['environment'];

export function environmentOf(run: ComponentRun): Variables | Promise<Variables> {
  const prepared = run.prepareEnvironment();
  return prepared === undefined ? run.environment : prepared.then(() => run.environment);
}

export const none = prompt(() => () => undefined);

/** As all versions have it. */
export function exitInterface(version: string): HostInterface {
  return {
    name: `wasi:cli/exit@${version}`,
    text: exit,
    functions: {
      exit: prompt(
        (guest) =>
          ({ tag }: Variant) =>
            guest.host.exit(tag),
      ),
      'exit-with-code': prompt((guest) => (code: number) => guest.host.exit(code)),
    },
  };
}

/** As all versions have them. */
export function terminalInterfaces(version: string): readonly HostInterface[] {
  const named = (name: string): string => `wasi:cli/terminal-${name}@${version}`;
  return [
    { name: named('input'), text: terminalInput, functions: {} },
    { name: named('output'), text: terminalOutput, functions: {} },
    { name: named('stdin'), text: terminalStdin, functions: { 'get-terminal-stdin': none } },
    { name: named('stdout'), text: terminalStdout, functions: { 'get-terminal-stdout': none } },
    { name: named('stderr'), text: terminalStderr, functions: { 'get-terminal-stderr': none } },
  ];
}

export const cliInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:cli/environment@0.2.0',
    text: environment,
    functions: {
      'get-environment': waiting((guest) => () => environmentOf(guest.run)),
      'get-arguments': prompt((guest) => () => guest.run.arguments),
      'initial-cwd': none,
    },
  },
  exitInterface('0.2.0'),
  {
    name: 'wasi:cli/stdin@0.2.0',
    text: stdin,
    functions: { 'get-stdin': prompt((guest) => () => new InputStream(guest.run.stdin)) },
  },
  {
    name: 'wasi:cli/stdout@0.2.0',
    text: stdout,
    functions: { 'get-stdout': prompt((guest) => () => new OutputStream(guest.run.stdout)) },
  },
  {
    name: 'wasi:cli/stderr@0.2.0',
    text: stderr,
    functions: { 'get-stderr': prompt((guest) => () => new OutputStream(guest.run.stderr)) },
  },
  ...terminalInterfaces('0.2.0'),
];
