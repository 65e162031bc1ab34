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
import { KnownHead } from './objects/cgi/known-head.ts';
import { CgiReply, type Reply } from './objects/cgi/reply.ts';
import type { InputStream } from './objects/cgi/streams.ts';
import type { DataTree } from './objects/files/data-tree.ts';
import { explainUnsaved, openPreopens } from './objects/files/preopens.ts';
import { LogStream } from './objects/log-stream.ts';
import { CgiEarly, createCgiRules } from './wasip1/cgi/early.ts';
import { WwsReply, WwsRequest } from './wasip1/cgi/wws.ts';
import { WasiGuest } from './wasip1/guest.ts';
import { commandEntry, judgeWasip1 } from './wasip1/judge.ts';
import { MessageInput } from './wasip1/messages/input.ts';
import { MessageOutput } from './wasip1/messages/output.ts';
import { WasiProcess } from './wasip1/process.ts';
import { wasip1Table } from './wasip1/table.ts';

export function createWasip1Abi(limits: Limits): Abi {
  return {
    name: 'wasip1',
    judge: judgeWasip1,
    requestBody: 'streamed',
    converses: (entry) => entry === commandEntry,
    early: createCgiRules(),
    bind: (host) => new Wasip1Binding(host, limits),
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

class Wasip1Binding implements Binding {
  readonly early: CgiEarly;
  readonly #guest: WasiGuest;
  readonly #limits: Limits;
  readonly #environment = new CgiEnvironment();
  readonly #knownHead = new KnownHead();
  #streams: Streams | undefined;
  /** Of this run, once it has looked for files. */
  #data: DataTree | undefined;
  /** Of an initialisation. */
  #early: readonly LogStream[] = [];

  constructor(host: GuestHost, limits: Limits) {
    this.#limits = limits;
    this.#guest = new WasiGuest(host);
    this.early = new CgiEarly(this.#guest, limits);
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
      descriptorsMax: this.#limits.handlesPerRunMax,
    });
    this.#guest.begin(process);
  }

  begin(run: Run): void {
    const { exchange, capabilities } = run;
    const { request } = exchange;
    const isWebSocket = run.conversation !== undefined;
    const streams = this.#openStreams(run);
    this.#streams = streams;
    const { arguments: owners } = capabilities.settings;
    const environment = this.early.untold(capabilities.settings.environment);
    const process = new WasiProcess({
      listArguments: () => listArguments(request, owners),
      listEnvironment: () => {
        const bodyBytes = streams.stdin.totalBytes;
        return this.#environment.layOut({ request, bodyBytes, isWebSocket, environment });
      },
      prepareEnvironment: () => streams.stdin.measure?.(this.#limits.requestBodyBytesMax),
      openPreopens: (keeper) => {
        const opened = openPreopens(run, { keeper, limits: this.#limits });
        this.#data = opened.data;
        return opened.preopens;
      },
      // At every run, so that nothing is spread.
      stdin: streams.stdin,
      stdout: streams.stdout,
      stderr: streams.stderr,
      streamFlags: this.early.streamFlags,
      capabilities,
      descriptorsMax: this.#limits.handlesPerRunMax,
    });
    this.#guest.begin(process);
  }

  /**
   * Answers when the program ended well. Otherwise nothing more is sent: an answer that has begun
   * is broken off, so that the visitor sees that it is not whole.
   *
   * @throws TerrafirmaError
   */
  finish(end: RunEnd): void {
    const streams = this.#streams;
    if (streams === undefined) return;
    streams.stderr.end();
    const failure = streams.stdin.failure ?? streams.stdout.failure;
    if (failure !== undefined) throw failure;
    if (isGoodEnd(end)) streams.stdout.end();
  }

  /** A program may leave its files open: C does. What it left when it failed is not stored. */
  settle(end: RunEnd): Promise<void> | undefined {
    return isGoodEnd(end) ? this.#data?.saveAll()?.catch(explainUnsaved) : undefined;
  }

  release(): void {
    for (const stream of this.#early) stream.end();
    this.#early = [];
    this.#streams = undefined;
    this.#data = undefined;
    this.#guest.release();
  }

  #openStreams({ exchange, capabilities, conversation, hostMemory }: Run): Streams {
    const stderr = new LogStream(capabilities.log);
    if (conversation !== undefined) {
      const framing = capabilities.settings.webSocket === 'frames' ? 'frames' : 'lines';
      const stdin = new MessageInput(conversation, framing);
      return { stdin, stdout: new MessageOutput(conversation, framing), stderr };
    }
    const { replyHeadersMax, replyHeaderBytesMax, replyBodyBytesMax } = this.#limits;
    if (capabilities.settings.protocol === 'wws') {
      const stdin = new WwsRequest({
        exchange,
        keyValue: capabilities.keyValue,
        bodyBytesMax: this.#limits.requestBodyBytesMax,
      });
      const stdout = new WwsReply({ exchange, capabilities, bytesMax: replyBodyBytesMax });
      return { stdin, stdout, stderr };
    }
    const stdout = new CgiReply({
      exchange,
      head: { linesMax: replyHeadersMax, bytesMax: replyHeaderBytesMax },
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
