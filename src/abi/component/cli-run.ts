/**
 * One run of a program (`wasi:cli/run`) in the manner of CGI, as WASI preview1 programs run: the
 * request is environment and standard input, the answer standard output.
 */

import { Buffer } from 'node:buffer';
import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { Exchange, Run, RunEnd } from '../abi.ts';
import { RequestBody } from '../objects/cgi/body.ts';
import { listArguments, listEnvironment } from '../objects/cgi/environment.ts';
import { CgiReply } from '../objects/cgi/reply.ts';
import type { OpenFile } from '../objects/files/node.ts';
import { OpenFiles } from '../objects/files/open-files.ts';
import { explainUnsaved, openPreopens, type Preopen } from '../objects/files/preopens.ts';
import { HeldForRun } from '../objects/held-for-run.ts';
import { LogStream } from '../objects/log-stream.ts';
import { PendingSet } from '../objects/pending.ts';
import type { ComponentGuest, WorldRun } from './guest.ts';
import { LogSink } from './log-sink.ts';
import { isGoodEnd, type Variant } from './results.ts';
import type { ByteSink, ByteSource } from './streams.ts';

const writeBytesMax = 64 * 1024;

class BodySource implements ByteSource {
  readonly #body: RequestBody;

  constructor(body: RequestBody) {
    this.#body = body;
  }

  take(bytesMax: number): Uint8Array | undefined {
    return this.#body.take(bytesMax);
  }

  get isReady(): boolean {
    return this.#body.failure !== undefined || this.#body.readyBytes !== undefined;
  }

  whenReady(): Promise<void> {
    return this.#body.whenReady();
  }
}

/** Standard output, which the visitor may take slowly. */
class ReplySink implements ByteSink {
  readonly #reply: CgiReply;
  #draining: Promise<void> | undefined;

  constructor(reply: CgiReply) {
    this.#reply = reply;
  }

  get room(): number {
    return this.#draining === undefined ? writeBytesMax : 0;
  }

  async whenReady(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  write(bytes: Uint8Array): void {
    const draining = this.#reply.write(Uint8Array.from(bytes));
    if (draining === undefined) return;
    this.#draining = draining.finally(() => {
      this.#draining = undefined;
    });
  }

  flush(): void {
    // It leaves when the program waits, or has written much: see CgiReply.
  }
}

export class CliRun implements WorldRun {
  readonly capabilities: Capabilities;
  readonly limits: Limits;
  readonly held: HeldForRun;
  readonly pending = new PendingSet();
  readonly stdin: ByteSource;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  readonly #run: Run;
  readonly #body: RequestBody;
  readonly #reply: CgiReply;
  readonly #log: LogStream;
  readonly #files: OpenFiles;
  readonly #closing: Promise<void>[] = [];
  #opened: ReturnType<typeof openPreopens> | undefined;

  constructor(run: Run, limits: Limits) {
    const { exchange, capabilities, hostMemory } = run;
    this.#run = run;
    this.#files = new OpenFiles(limits.handlesPerRunMax);
    this.limits = limits;
    this.capabilities = capabilities;
    this.held = new HeldForRun(hostMemory, limits.memoryBytesMax);
    this.#body = new RequestBody(exchange, hostMemory);
    this.stdin = new BodySource(this.#body);
    this.#reply = new CgiReply({
      exchange,
      head: { linesMax: limits.replyHeadersMax, bytesMax: limits.replyHeaderBytesMax },
      bodyBytesMax: limits.replyBodyBytesMax,
      isPlainTextAllowed: capabilities.settings.isPlainTextAllowed,
    });
    this.stdout = new ReplySink(this.#reply);
    this.#log = new LogStream(capabilities.log);
    this.stderr = new LogSink(this.#log);
  }

  get exchange(): Exchange {
    return this.#run.exchange;
  }

  /** The body's length is part of it. */
  prepareEnvironment(): Promise<void> | undefined {
    return this.#body.measure(this.limits.requestBodyBytesMax);
  }

  get environment(): readonly (readonly [string, string])[] {
    const { exchange, capabilities } = this.#run;
    const { request } = exchange;
    const { environment } = capabilities.settings;
    const bodyBytes = this.#body.totalBytes;
    return listEnvironment({ request, bodyBytes, environment }).map((line) => {
      const text = toText(line);
      const at = text.indexOf('=');
      return [text.slice(0, at), text.slice(at + 1)] as const;
    });
  }

  get arguments(): readonly string[] {
    const { exchange, capabilities } = this.#run;
    return listArguments(exchange.request, capabilities.settings.arguments).map(toText);
  }

  /** As programs of WASI preview1 have them. */
  openDirectories(): readonly Preopen[] {
    if (this.#opened === undefined) {
      const opening = { keeper: this.#files, limits: this.limits };
      this.#opened = openPreopens(this.#run, opening);
    }
    return this.#opened.preopens;
  }

  /** What lasts of it is stored meanwhile; `settle` waits for that. */
  closeFile(file: OpenFile): void {
    const closing = file.close();
    if (!(closing instanceof Promise)) return;
    closing.catch(() => undefined);
    this.#closing.push(closing);
  }

  /** A program may leave its files open. */
  settle(end: RunEnd): Promise<void> | undefined {
    const data = this.#opened?.data;
    if (data === undefined || !isGoodEnd(end)) return undefined;
    const isClosed = this.#closing.length === 0;
    const saving = isClosed
      ? data.saveAll()
      : Promise.all(this.#closing).then(() => data.saveAll());
    return saving?.catch(explainUnsaved);
  }

  parameters(): readonly unknown[] {
    return [];
  }

  /** A program that says that it failed has ended with exit code 1. */
  answer(_guest: ComponentGuest, { tag }: Variant): number | undefined {
    return tag === 1 ? 1 : undefined;
  }

  beforeWait(): void {
    this.#reply.flush();
  }

  /** @throws TerrafirmaError */
  finish(end: RunEnd): void {
    this.#log.end();
    const failure = this.#body.failure ?? this.#reply.failure;
    if (failure !== undefined) throw failure;
    if (isGoodEnd(end)) this.#reply.end();
  }

  release(): void {
    this.pending.giveUpAll();
    this.#files.release();
    this.held.close();
  }
}

/** Strings of the component model are Unicode: what is one character a byte is UTF-8. */
function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
