/** One run of a component that answers by `wasi:http/incoming-handler`. */

import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { Exchange, Run, RunEnd } from '../abi.ts';
import type { OpenFile } from '../objects/files/node.ts';
import { OpenFiles } from '../objects/files/open-files.ts';
import { openSite, type Preopen } from '../objects/files/preopens.ts';
import { guestPathOf } from '../objects/guest-path.ts';
import { HeldForRun } from '../objects/held-for-run.ts';
import { LogStream } from '../objects/log-stream.ts';
import { PendingSet } from '../objects/pending.ts';
import type { ComponentGuest, WorldRun } from './guest.ts';
import { IncomingRequest, ResponseOutparam } from './http-incoming.ts';
import { HttpReply } from './http-reply.ts';
import { LogSink } from './log-sink.ts';
import { isGoodEnd, type Variant } from './results.ts';
import { type ByteSink, noSource } from './streams.ts';

const noArguments: readonly string[] = [];

export class HttpRun implements WorldRun {
  readonly capabilities: Capabilities;
  readonly limits: Limits;
  readonly held: HeldForRun;
  readonly pending = new PendingSet();
  readonly arguments = noArguments;
  readonly stdin = noSource;
  readonly reply: HttpReply;
  #files: OpenFiles | undefined;
  readonly #run: Run;
  readonly #isForSpin: boolean;
  /** Made when the guest wants them: most never print. */
  #stdout: ByteSink | undefined;
  #stderr: ByteSink | undefined;
  #streams: LogStream[] | undefined;

  /** @param isForSpin Whether the request is told of as Spin does. */
  constructor(run: Run, limits: Limits, isForSpin = false) {
    const { capabilities, exchange, hostMemory } = run;
    this.#run = run;
    this.#isForSpin = isForSpin;
    this.capabilities = capabilities;
    this.limits = limits;
    this.held = new HeldForRun(hostMemory, limits.memoryBytesMax);
    this.reply = new HttpReply(exchange);
  }

  get stdout(): ByteSink {
    this.#stdout ??= this.#openLog();
    return this.#stdout;
  }

  get stderr(): ByteSink {
    this.#stderr ??= this.#openLog();
    return this.#stderr;
  }

  get exchange(): Exchange {
    return this.#run.exchange;
  }

  get environment(): readonly (readonly [string, string])[] {
    return [...this.capabilities.settings.environment];
  }

  /** The folder, where the owner grants files of it by name. */
  openDirectories(): readonly Preopen[] {
    if (!this.capabilities.settings.isGrantedFiles) return [];
    this.#files ??= new OpenFiles(this.limits.handlesPerRunMax);
    const opening = { keeper: this.#files, limits: this.limits };
    return [{ name: '/', directory: openSite(this.#run, opening) }];
  }

  /** All of them are the site's, which are closed at once. */
  closeFile(file: OpenFile): void {
    void file.close();
  }

  prepareEnvironment(): undefined {
    return undefined;
  }

  /** The request, and the right to answer it. */
  parameters(_guest: ComponentGuest): readonly unknown[] {
    const { exchange } = this.#run;
    const path = guestPathOf(exchange.request, this.capabilities.settings.modulePath);
    const how = { path, isForSpin: this.#isForSpin };
    return [new IncomingRequest(exchange, how), new ResponseOutparam(this.reply)];
  }

  /** It is answered by what `parameters` gave. */
  answer(_guest: ComponentGuest, _value: Variant): undefined {
    return undefined;
  }

  beforeWait(): void {
    this.reply.flush();
  }

  #openLog(): ByteSink {
    const stream = new LogStream(this.capabilities.log);
    this.#streams ??= [];
    this.#streams.push(stream);
    return new LogSink(stream);
  }

  /** @throws TerrafirmaError `bad-reply` where no answer was set */
  finish(end: RunEnd): void {
    if (this.#streams !== undefined) for (const stream of this.#streams) stream.end();
    if (isGoodEnd(end)) this.reply.end();
  }

  release(): void {
    this.pending.giveUpAll();
    this.#files?.release();
    this.held.close();
  }
}
