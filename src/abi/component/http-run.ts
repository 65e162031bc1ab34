/** One run of a component that answers by `wasi:http/incoming-handler`. */

import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { Run, RunEnd } from '../abi.ts';
import { guestPathOf } from '../objects/guest-path.ts';
import { HeldForRun } from '../objects/held-for-run.ts';
import { LogStream } from '../objects/log-stream.ts';
import { PendingSet } from '../objects/pending.ts';
import type { WorldRun } from './guest.ts';
import { IncomingRequest, ResponseOutparam } from './http-incoming.ts';
import { HttpReply } from './http-reply.ts';
import { LogSink } from './log-sink.ts';
import { isGoodEnd } from './results.ts';
import { type ByteSink, noSource } from './streams.ts';

export class HttpRun implements WorldRun {
  readonly capabilities: Capabilities;
  readonly limits: Limits;
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
    this.limits = limits;
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

  prepareEnvironment(): undefined {
    return undefined;
  }

  /** The request, and the right to answer it. */
  parameters(): readonly unknown[] {
    const { exchange } = this.#run;
    const path = guestPathOf(exchange.request, this.capabilities.settings.modulePath);
    return [new IncomingRequest(exchange, path), new ResponseOutparam(this.reply)];
  }

  beforeWait(): void {
    this.reply.flush();
  }

  /** @throws TerrafirmaError `bad-reply` where no answer was set */
  finish(end: RunEnd): void {
    for (const stream of this.#streams) stream.end();
    if (isGoodEnd(end)) this.reply.end();
  }

  release(): void {
    this.pending.giveUpAll();
    this.held.close();
  }
}
