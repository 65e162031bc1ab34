/** `wasi:cli` 0.3: what a program has around it, with streams in place of `wasi:io`. */
import { environmentOf, exitInterface, none, terminalInterfaces } from './cli.ts';
import { type HostInterface, prompt, waiting } from './functions.ts';
import type { ComponentGuest, ComponentRun } from './guest.ts';
import type { ByteSink } from './streams.ts';
import { HostFuture, type StreamSide } from './tasks/host-sides.ts';
import { readAll, type ToldAs, writeAll } from './told-streams.ts';
import { cliTypes03, environment03, stderr03, stdin03, stdout03 } from './wit/cli03.ts';

/** Of `error-code`. */
const told: ToldAs = { codeOf: () => 0, brokenPipe: 2 };

function writeTo(
  guest: ComponentGuest,
  pick: (run: ComponentRun) => ByteSink,
  data: StreamSide,
): HostFuture {
  const result = new HostFuture(guest.tasks.threads);
  writeAll(data, { sink: pick(guest.run), result, told });
  return result;
}

export const cli03Interfaces: readonly HostInterface[] = [
  { name: 'wasi:cli/types@0.3.0', text: cliTypes03, functions: {} },
  {
    name: 'wasi:cli/environment@0.3.0',
    text: environment03,
    functions: {
      'get-environment': waiting((guest) => () => environmentOf(guest.run)),
      'get-arguments': prompt((guest) => () => guest.run.arguments),
      'get-initial-cwd': none,
    },
  },
  exitInterface('0.3.0'),
  {
    name: 'wasi:cli/stdin@0.3.0',
    text: stdin03,
    functions: {
      'read-via-stream': prompt(
        (guest) => () => readAll(guest.run.stdin, told, guest.tasks.threads),
      ),
    },
  },
  {
    name: 'wasi:cli/stdout@0.3.0',
    text: stdout03,
    functions: {
      'write-via-stream': prompt(
        (guest) => (data: StreamSide) => writeTo(guest, ({ stdout }) => stdout, data),
      ),
    },
  },
  {
    name: 'wasi:cli/stderr@0.3.0',
    text: stderr03,
    functions: {
      'write-via-stream': prompt(
        (guest) => (data: StreamSide) => writeTo(guest, ({ stderr }) => stderr, data),
      ),
    },
  },
  ...terminalInterfaces('0.3.0'),
];
