/**
 * Fastly Compute: programs built by its kits for Rust, Go, JavaScript and others run as they are.
 * The entry `_start` reads the request and sends the answer by hostcalls, at any time, and may go
 * on after that. What the C library of a program asks for by itself is WASI's.
 */
import type { Limits } from '../config/config.ts';
import { noBytes } from '../http/body.ts';
import type { Abi, Binding, EarlyCapabilities, GuestHost, Run, RunEnd } from './abi.ts';
import { createEarlyRules, FastlyEarly } from './fastly/early.ts';
import { listEnvironment, programName } from './fastly/environment.ts';
import { FastlyGuest } from './fastly/guest.ts';
import { isFastly, judgeFastly } from './fastly/judge.ts';
import { FastlyRun } from './fastly/run.ts';
import { status } from './fastly/status.ts';
import { fastlyTable } from './fastly/table.ts';
import { bindHostcall, type Hostcall, type ImportName } from './hostcall.ts';
import type { WasiBeside, WasiGiven, WasiSide } from './wasi-side.ts';

const emptyAnswer = { status: 200, headers: [] };
const noAnswer =
  'The program ended well and sent no answer (send_downstream): the visitor gets an empty 200';
const newerHostcall: Hostcall = { waits: false, call: () => status.unsupported };

export function createFastlyAbi(limits: Limits, wasi: WasiBeside): Abi {
  return {
    name: 'fastly',
    judge: (face) => judgeFastly(face, wasi),
    requestBody: 'streamed',
    takesUpgrades: true,
    early: createEarlyRules(wasi),
    bind: (host) => new FastlyBinding(host, limits, wasi.bind(host)),
  };
}

/** What a run gives the C library of its program. No functions: ten thousand may wait. */
class FastlyGiven implements WasiGiven {
  readonly streamFlags: readonly number[] | undefined;
  readonly #run: Run;

  constructor(run: Run, streamFlags: readonly number[] | undefined) {
    this.streamFlags = streamFlags;
    this.#run = run;
  }

  listArguments(): readonly string[] {
    return [programName];
  }

  listEnvironment(): readonly string[] {
    return listEnvironment(this.#run);
  }
}

class FastlyBinding implements Binding {
  readonly early: FastlyEarly;
  readonly #guest: FastlyGuest;
  readonly #limits: Limits;
  readonly #wasi: WasiSide;

  constructor(host: GuestHost, limits: Limits, wasi: WasiSide) {
    this.#guest = new FastlyGuest(host, limits);
    this.#limits = limits;
    this.#wasi = wasi;
    this.early = new FastlyEarly(wasi);
  }

  /** What the kits of tomorrow import is there, and answers that it is not supported. */
  hostcall(wanted: ImportName): Hostcall | undefined {
    const known = bindHostcall(fastlyTable, this.#guest, wanted) ?? this.#wasi.hostcall(wanted);
    return known ?? (isFastly(wanted) ? newerHostcall : undefined);
  }

  prepare(capabilities: EarlyCapabilities): void {
    this.#guest.prepare(capabilities);
    this.#wasi.prepare(capabilities);
  }

  begin(run: Run): void {
    this.#guest.begin(new FastlyRun(run, this.#limits));
    this.#wasi.begin(run, new FastlyGiven(run, this.early.streamFlags));
  }

  /**
   * A program that ended well without an answer has answered with nothing.
   *
   * @throws TerrafirmaError `overloaded` where it gave one that could not be sent
   */
  finish(end: RunEnd): void {
    const { exchange, answerFailure, capabilities } = this.#guest.run;
    if (exchange.replyState !== 'none' || !isGoodEnd(end)) return;
    if (answerFailure !== undefined) throw answerFailure;
    capabilities.log.write('warn', noAnswer);
    exchange.send(emptyAnswer, noBytes);
  }

  /** A body that is still being sent without its end is broken off: the visitor sees it. */
  release(): void {
    try {
      this.#wasi.release();
    } finally {
      this.#guest.release();
    }
  }
}

function isGoodEnd(end: RunEnd): boolean {
  return end.kind === 'returned' || (end.kind === 'exited' && end.exitCode === 0);
}
