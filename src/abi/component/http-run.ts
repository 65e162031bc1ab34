/** One run of a component that answers by `wasi:http/incoming-handler`. */

import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { Run } from '../abi.ts';
import { HeldForRun } from '../objects/held-for-run.ts';
import { LogStream } from '../objects/log-stream.ts';
import { PendingSet } from '../objects/pending.ts';
import type { ComponentRun } from './guest.ts';
import { guestPathOf } from './guest-path.ts';
import { IncomingRequest, ResponseOutparam } from './http-incoming.ts';
import { HttpReply } from './http-reply.ts';
import { type ByteSink, noSource } from './streams.ts';

/** What one write to the log takes. */
const logBytesMax = 64 * 1024;

/** Output as lines of the log, which never waits. */
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

export class HttpRun implements ComponentRun {
  readonly capabilities: Capabilities;
  readonly held: HeldForRun;
  readonly pending = new PendingSet();
  readonly arguments: readonly string[] = [];
  readonly stdin = noSource;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  readonly reply: HttpReply;
  readonly #run: Run;
  readonly #streams: readonly LogStream[];

  constructor(run: Run, limits: Limits) {
    const { capabilities, exchange, hostMemory } = run;
    this.#run = run;
    this.capabilities = capabilities;
    this.held = new HeldForRun(hostMemory, limits.memoryBytesMax);
    this.reply = new HttpReply(exchange);
    const [out, err] = [new LogStream(capabilities.log), new LogStream(capabilities.log)];
    this.#streams = [out, err];
    this.stdout = new LogSink(out);
    this.stderr = new LogSink(err);
  }

  get environment(): readonly (readonly [string, string])[] {
    return [...this.capabilities.settings.environment];
  }

  /** The parameters of `handle`. */
  open(): readonly [IncomingRequest, ResponseOutparam] {
    const { exchange } = this.#run;
    const path = guestPathOf(exchange.request);
    return [new IncomingRequest(exchange, path), new ResponseOutparam(this.reply)];
  }

  beforeWait(): void {
    this.reply.flush();
  }

  endLog(): void {
    for (const stream of this.#streams) stream.end();
  }

  release(): void {
    this.pending.giveUpAll();
    this.held.close();
  }
}
