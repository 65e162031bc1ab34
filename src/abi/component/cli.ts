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

function environmentOf(run: ComponentRun): Variables | Promise<Variables> {
  const prepared = run.prepareEnvironment();
  return prepared === undefined ? run.environment : prepared.then(() => run.environment);
}

const none = prompt(() => () => undefined);

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
  {
    name: 'wasi:cli/exit@0.2.0',
    text: exit,
    functions: {
      exit: prompt(
        (guest) =>
          ({ tag }: Variant) =>
            guest.host.exit(tag),
      ),
      'exit-with-code': prompt((guest) => (code: number) => guest.host.exit(code)),
    },
  },
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
  { name: 'wasi:cli/terminal-input@0.2.0', text: terminalInput, functions: {} },
  { name: 'wasi:cli/terminal-output@0.2.0', text: terminalOutput, functions: {} },
  {
    name: 'wasi:cli/terminal-stdin@0.2.0',
    text: terminalStdin,
    functions: { 'get-terminal-stdin': none },
  },
  {
    name: 'wasi:cli/terminal-stdout@0.2.0',
    text: terminalStdout,
    functions: { 'get-terminal-stdout': none },
  },
  {
    name: 'wasi:cli/terminal-stderr@0.2.0',
    text: terminalStderr,
    functions: { 'get-terminal-stderr': none },
  },
];
