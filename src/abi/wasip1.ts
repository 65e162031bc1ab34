/**
 * WASI preview1 programs, CGI style: whatever a toolchain compiles for `wasm32-wasip1` answers a
 * request. The request's head is the environment, its body is standard input, the answer standard
 * output, the log standard error.
 */
import type { Limits } from '../config/config.ts';
import { noBytes } from '../http/body.ts';
import type { Abi, Binding, EarlyCapabilities, GuestHost, Run, RunEnd } from './abi.ts';
import { bindHostcall, type Hostcall, type ImportName } from './hostcall.ts';
import { RequestBody } from './objects/cgi/body.ts';
import { CgiEnvironment, listArguments } from './objects/cgi/environment.ts';
import type { HeadLimits } from './objects/cgi/head.ts';
import { KnownHead } from './objects/cgi/known-head.ts';
import { CgiReply, type Reply } from './objects/cgi/reply.ts';
import type { InputStream } from './objects/cgi/streams.ts';
import type { DataTree } from './objects/files/data-tree.ts';
import { explainUnsaved, openPreopens, type Preopen } from './objects/files/preopens.ts';
import type { FileKeeper } from './objects/files/site-tree.ts';
import { LogStream } from './objects/log-stream.ts';
import type { StringBlock } from './objects/string-block.ts';
import { CgiEarly, createCgiRules } from './wasip1/cgi/early.ts';
import { WwsReply, WwsRequest } from './wasip1/cgi/wws.ts';
import { WasiGuest } from './wasip1/guest.ts';
import { commandEntry, judgeWasip1 } from './wasip1/judge.ts';
import { MessageInput } from './wasip1/messages/input.ts';
import { MessageOutput } from './wasip1/messages/output.ts';
import { type ProcessOptions, WasiProcess } from './wasip1/process.ts';
import { wasip1Table } from './wasip1/table.ts';

export function createWasip1Abi(limits: Limits): Abi {
  const { replyHeadersMax: linesMax, replyHeaderBytesMax: bytesMax } = limits;
  const head = { linesMax, bytesMax };
  return {
    name: 'wasip1',
    judge: judgeWasip1,
    requestBody: 'streamed',
    converses: (entry) => entry === commandEntry,
    early: createCgiRules(),
    bind: (host) => new Wasip1Binding(host, limits, head),
  };
}

interface Input extends InputStream {
  readonly failure: Error | undefined;
  /** Undefined where it has no length that a program should know. */
  readonly totalBytes?: number | undefined;
  measure?(bytesMax: number): Promise<void> | undefined;
}

/** The streams of one run. */
interface Streams {
  readonly stdin: Input;
  readonly stdout: Reply;
  readonly stderr: LogStream;
}

/** At its end from the start. */
const noInput: InputStream = {
  take: () => noBytes,
  whenReady: () => Promise.resolve(),
  readyBytes: 0,
};

/** What is the instance's. */
interface CgiInstance {
  readonly limits: Limits;
  readonly environment: CgiEnvironment;
  readonly early: CgiEarly;
}

/** What a run gives its process. One object, and no functions: ten thousand programs may wait. */
class CgiGiven implements ProcessOptions {
  /** Once the program has looked for files. */
  data: DataTree | undefined;
  readonly stdin: Input;
  readonly stdout: Reply;
  readonly stderr: LogStream;
  readonly #run: Run;
  readonly #instance: CgiInstance;

  constructor(run: Run, { stdin, stdout, stderr }: Streams, instance: CgiInstance) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#run = run;
    this.#instance = instance;
  }

  get capabilities(): Run['capabilities'] {
    return this.#run.capabilities;
  }

  get streamFlags(): readonly number[] | undefined {
    return this.#instance.early.streamFlags;
  }

  get descriptorsMax(): number {
    return this.#instance.limits.handlesPerRunMax;
  }

  listArguments(): readonly string[] {
    const { exchange, capabilities } = this.#run;
    return listArguments(exchange.request, capabilities.settings.arguments);
  }

  listEnvironment(): StringBlock {
    const { exchange, capabilities, conversation } = this.#run;
    return this.#instance.environment.layOut({
      request: exchange.request,
      bodyBytes: this.stdin.totalBytes,
      isWebSocket: conversation !== undefined,
      environment: this.#instance.early.untold(capabilities.settings.environment),
    });
  }

  prepareEnvironment(): Promise<void> | undefined {
    return this.stdin.measure?.(this.#instance.limits.requestBodyBytesMax);
  }

  openPreopens(keeper: FileKeeper): readonly Preopen[] {
    const opened = openPreopens(this.#run, { keeper, limits: this.#instance.limits });
    this.data = opened.data;
    return opened.preopens;
  }
}

const noStreams: readonly LogStream[] = [];

class Wasip1Binding implements Binding {
  readonly early: CgiEarly;
  readonly #instance: CgiInstance;
  readonly #guest: WasiGuest;
  readonly #head: HeadLimits;
  readonly #knownHead = new KnownHead();
  /** Of this run. */
  #given: CgiGiven | undefined;
  /** Of an initialisation. */
  #early = noStreams;

  constructor(host: GuestHost, limits: Limits, head: HeadLimits) {
    this.#head = head;
    this.#guest = new WasiGuest(host);
    this.early = new CgiEarly(this.#guest, limits);
    this.#instance = { limits, environment: new CgiEnvironment(), early: this.early };
  }

  hostcall(wanted: ImportName): Hostcall | undefined {
    return bindHostcall(wasip1Table, this.#guest, wanted);
  }

  /** No arguments, no environment, no input, no files; all output goes to the log. */
  prepare(capabilities: EarlyCapabilities): void {
    const stdout = new LogStream(capabilities.log);
    const stderr = new LogStream(capabilities.log);
    this.#early = [stdout, stderr];
    const process = new WasiProcess({
      listArguments: () => [],
      listEnvironment: () => [],
      openPreopens: () => [],
      stdin: noInput,
      stdout,
      stderr,
      // Not what else a run's capabilities have: there is no request to spend it on.
      capabilities: {
        clock: capabilities.clock,
        timer: capabilities.timer,
        fillRandom: (target) => capabilities.fillRandom(target),
      },
      descriptorsMax: this.#instance.limits.handlesPerRunMax,
    });
    this.#guest.begin(process);
  }

  begin(run: Run): void {
    const given = new CgiGiven(run, this.#openStreams(run), this.#instance);
    this.#given = given;
    this.#guest.begin(new WasiProcess(given));
  }

  /**
   * Answers when the program ended well. Otherwise nothing more is sent: an answer that has begun
   * is broken off, so that the visitor sees that it is not whole.
   *
   * @throws TerrafirmaError
   */
  finish(end: RunEnd): void {
    const given = this.#given;
    if (given === undefined) return;
    given.stderr.end();
    const failure = given.stdin.failure ?? given.stdout.failure;
    if (failure !== undefined) throw failure;
    if (isGoodEnd(end)) given.stdout.end();
  }

  /** A program may leave its files open: C does. What it left when it failed is not stored. */
  settle(end: RunEnd): Promise<void> | undefined {
    return isGoodEnd(end) ? this.#given?.data?.saveAll()?.catch(explainUnsaved) : undefined;
  }

  release(): void {
    for (const stream of this.#early) stream.end();
    this.#early = noStreams;
    this.#given = undefined;
    this.#guest.release();
  }

  #openStreams({ exchange, capabilities, conversation, hostMemory }: Run): Streams {
    const stderr = new LogStream(capabilities.log);
    if (conversation !== undefined) {
      const framing = capabilities.settings.webSocket === 'frames' ? 'frames' : 'lines';
      const stdin = new MessageInput(conversation, framing);
      return { stdin, stdout: new MessageOutput(conversation, framing), stderr };
    }
    const { replyBodyBytesMax, requestBodyBytesMax } = this.#instance.limits;
    if (capabilities.settings.protocol === 'wws') {
      const stdin = new WwsRequest({
        exchange,
        keyValue: capabilities.keyValue,
        bodyBytesMax: requestBodyBytesMax,
      });
      const stdout = new WwsReply({ exchange, capabilities, bytesMax: replyBodyBytesMax });
      return { stdin, stdout, stderr };
    }
    const stdout = new CgiReply({
      exchange,
      head: this.#head,
      bodyBytesMax: replyBodyBytesMax,
      isPlainTextAllowed: capabilities.settings.isPlainTextAllowed,
      known: this.#knownHead,
    });
    return { stdin: new RequestBody(exchange, hostMemory), stdout, stderr };
  }
}

function isGoodEnd(end: RunEnd): boolean {
  return end.kind === 'returned' || (end.kind === 'exited' && end.exitCode === 0);
}
