/**
 * One guest, one run: entry, hostcalls, end. Works out the outcome of a run in this one place.
 */
import type { Abi, Exchange, Run, RunEnd } from '../abi/abi.ts';
import type { Capabilities } from '../capability/capability.ts';
import type { Limits } from '../config/config.ts';
import { describeError, type ErrorCode, type ErrorRecord, toErrorRecord } from '../errors.ts';
import type { LedgerPage } from '../ledger.ts';
import type { LoadedModule, Outcome } from '../messages.ts';
import { GuestInstance } from './instance.ts';
import type { RunReport } from './report.ts';
import type { RunClock } from './run-clock.ts';

export interface GuestOptions {
  readonly limits: Limits;
  readonly trap: WebAssembly.RuntimeError;
  readonly clock: RunClock;
  readonly page: LedgerPage;
  readonly digestWords: Int32Array;
}

/** Why a run was ended from outside. */
type OutsideEnd = 'out-of-time' | 'abandoned';

const NO_BODY = new Uint8Array(0);

export class Guest {
  readonly #loaded: LoadedModule;
  readonly #abi: Abi;
  readonly #options: GuestOptions;
  #instance: GuestInstance | undefined;
  #outsideEnd: OutsideEnd | undefined;
  #cpuMs = 0;
  #enteredAtMs = 0;

  constructor(loaded: LoadedModule, abi: Abi, options: GuestOptions) {
    this.#loaded = loaded;
    this.#abi = abi;
    this.#options = options;
  }

  /**
   * Runs the entry for one exchange. Never rejects: whatever happens is in the report. When the
   * report has an error, the exchange may still be without an answer; the caller gives one.
   */
  async run(exchange: Exchange, capabilities: Capabilities): Promise<RunReport> {
    const startedAtMs = performance.now();
    const stopTimer = this.#options.clock.watch(() => this.#end('out-of-time'));
    exchange.onGone(() => this.#end('abandoned'));
    let error: ErrorRecord | undefined;
    let end: RunEnd | undefined;
    try {
      const run = { exchange, capabilities, body: await this.#readBody(exchange) };
      if (this.#outsideEnd === undefined) end = await this.#enter(run);
      if (this.#outsideEnd === undefined && end !== undefined) {
        this.#instance?.binding.finish(end);
      }
    } catch (failure) {
      error = toErrorRecord(failure);
    } finally {
      stopTimer();
      exchange.onGone(undefined);
      this.#instance?.binding.release();
    }
    const cause = error ?? this.#explain(end);
    return {
      outcome: this.#outcomeOf(end, cause),
      error: this.#hasReplied(exchange) ? undefined : cause,
      cpuUs: Math.round(this.#cpuMs * 1_000),
      wallUs: Math.round((performance.now() - startedAtMs) * 1_000),
      memoryBytes: this.#instance?.memoryBytes ?? 0,
    };
  }

  async #readBody(exchange: Exchange): Promise<Uint8Array> {
    if (this.#abi.requestBody === 'streamed' || !exchange.hasBody) return NO_BODY;
    return exchange.readBody(this.#options.limits.requestBodyBytesMax);
  }

  async #enter(run: Run): Promise<RunEnd> {
    this.#resume();
    try {
      // Instantiation may already run guest code (a start section), so it counts as the guest's.
      const instance = new GuestInstance(this.#loaded, this.#abi, {
        trap: this.#options.trap,
        onSuspend: () => this.#suspend(),
        onResume: () => this.#resume(),
      });
      this.#instance = instance;
      instance.binding.begin(run);
      const entry = instance.exportedFunction(this.#loaded.entry);
      if (entry === undefined) return trapped(`the module has no export ${this.#loaded.entry}`);
      await WebAssembly.promising(entry)();
      return { kind: 'returned' };
    } catch (error) {
      const ending = this.#instance?.ending;
      if (ending !== undefined && ending.kind !== 'ended') return ending;
      return trapped(describeError(error));
    } finally {
      this.#suspend();
    }
  }

  #end(cause: OutsideEnd): void {
    this.#outsideEnd ??= cause;
    this.#instance?.end({ kind: 'ended' });
  }

  #resume(): void {
    this.#enteredAtMs = performance.now();
    this.#options.page.enter(this.#options.digestWords);
  }

  #suspend(): void {
    this.#cpuMs += performance.now() - this.#enteredAtMs;
    this.#options.page.leave();
  }

  #hasReplied(exchange: Exchange): boolean {
    return exchange.replyState === 'ended';
  }

  #explain(end: RunEnd | undefined): ErrorRecord | undefined {
    if (this.#outsideEnd === 'out-of-time') {
      const limitMs = this.#options.limits.wallMsMax;
      return record(
        'guest-out-of-time',
        `Cannot answer: the function reached its wall-clock limit of ${limitMs} ms`,
      );
    }
    if (this.#outsideEnd === 'abandoned') return record('client-gone', 'the client went away');
    if (end?.kind === 'trapped') return record('guest-trapped', end.reason);
    if (end?.kind === 'exited' && end.exitCode !== 0) {
      return record('guest-exited', `the function exited with code ${end.exitCode}`);
    }
    return undefined;
  }

  #outcomeOf(end: RunEnd | undefined, cause: ErrorRecord | undefined): Outcome {
    if (this.#outsideEnd !== undefined) return this.#outsideEnd;
    if (end?.kind === 'trapped') return 'trapped';
    if (end?.kind === 'exited') return 'exited';
    return cause === undefined ? 'replied' : 'refused';
  }
}

function trapped(reason: string): RunEnd {
  return { kind: 'trapped', reason };
}

function record(code: ErrorCode, detail: string): ErrorRecord {
  return { code, detail };
}
