/** Output of a component as lines of the log, which never waits. */
import type { LogStream } from '../objects/log-stream.ts';
import type { ByteSink } from './streams.ts';

/** What one write takes. */
const logBytesMax = 64 * 1024;

export class LogSink implements ByteSink {
  readonly room = logBytesMax;
  readonly #stream: LogStream;

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  whenReady(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  flush(): void {
    // A line leaves when it is whole.
  }
}
