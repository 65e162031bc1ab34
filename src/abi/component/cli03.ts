/** `wasi:cli` 0.3: what a program has around it, with streams in place of `wasi:io`. */
import { environmentOf, exitInterface, none, terminalInterfaces } from './cli.ts';
import { type HostInterface, prompt, waiting } from './functions.ts';
import type { ComponentGuest, ComponentRun } from './guest.ts';
import { failed, ok } from './results.ts';
import { type ByteSink, type ByteSource, noSource } from './streams.ts';
import { HostFuture, HostStream, pump, type StreamSide } from './tasks/host-sides.ts';
import { SharedStream, type StreamSink } from './tasks/shared-stream.ts';
import { cliTypes03, environment03, stderr03, stdin03, stdout03 } from './wit/cli03.ts';

/** Of `error-code`. */
const ioError = 0;
const brokenPipe = 2;

/** Standard input, and how it ended. */
function readStdin(guest: ComponentGuest): readonly [HostStream, HostFuture] {
  const { threads } = guest.tasks;
  const { stdin } = guest.run;
  const result = new HostFuture(threads);
  const source: ByteSource = {
    get isReady() {
      return stdin.isReady;
    },
    whenReady: () => stdin.whenReady(),
    take: (bytesMax) => {
      try {
        const bytes = stdin.take(bytesMax);
        if (bytes?.length === 0) result.settle(ok());
        return bytes;
      } catch (error) {
        result.settle(failed(ioError));
        throw error;
      }
    },
    close: () => result.settle(ok()),
  };
  return [new HostStream(source, threads), result];
}

/** An output that a guest's stream is written to. */
class OutputSink implements StreamSink {
  readonly #output: ByteSink;
  readonly #result: HostFuture;

  constructor(output: ByteSink, result: HostFuture) {
    this.#output = output;
    this.#result = result;
  }

  get room(): number | undefined {
    const { room } = this.#output;
    if (room === undefined) this.#result.settle(failed(brokenPipe));
    return room;
  }

  whenReady(): Promise<void> {
    return this.#output.whenReady();
  }

  /** @throws what broke the output off */
  write(bytes: Uint8Array): void {
    try {
      this.#output.write(bytes);
    } catch (error) {
      this.#result.settle(failed(ioError));
      throw error;
    }
  }

  end(): void {
    this.#output.flush();
    this.#result.settle(ok());
  }

  abandon(): void {
    this.#result.settle(failed(brokenPipe));
  }
}

function writeTo(
  guest: ComponentGuest,
  pick: (run: ComponentRun) => ByteSink,
  data: StreamSide,
): HostFuture {
  const result = new HostFuture(guest.tasks.threads);
  const sink = new OutputSink(pick(guest.run), result);
  if (data instanceof SharedStream) data.attach(sink);
  else void pump(data.release() ?? noSource, sink);
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
    functions: { 'read-via-stream': prompt((guest) => () => readStdin(guest)) },
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
