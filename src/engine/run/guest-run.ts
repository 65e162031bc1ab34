/** One run from the door to the report: its place, its turn, its guest, and its outcome. */
import type { Conversation, Exchange, Run, RunEnd } from '../../abi/abi.ts';
import type { Steps } from '../../abi/steps.ts';
import type { Shares } from '../../account/shares.ts';
import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import { type ErrorRecord, toErrorRecord } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { LimitClock } from '../../limit-clock.ts';
import type { Guest } from '../guest.ts';
import type { Admission, SeatWaiter } from '../supply/admission.ts';
import type { IdleGuests } from '../supply/idle-guests.ts';
import type { Making } from '../supply/making.ts';
import type { ProgramHost, ProgramParts } from '../supply/program-host.ts';
import type { HostEnd } from '../turn/ending.ts';
import { follow } from '../turn/follow.ts';
import { Activation } from './activation.ts';
import type { Bodies } from './bodies.ts';
import { type BytesParts, RunBytes } from './bytes.ts';
import { Farewell } from './farewell.ts';
import { explainEnd, isCleanEnd, outcomeOf, type Phase } from './outcome.ts';
import { type RunLook, type RunReport, refusedReport } from './report.ts';
import { atMost, type RunLimits } from './run-limits.ts';
import type { RunPlan } from './run-plan.ts';
import { openSeating, type Seating } from './seating.ts';
import type { Endable, RunsUnderWay } from './under-way.ts';

/** What all runs of a thread share. */
export interface RunParts extends ProgramParts, BytesParts {
  readonly limits: Limits;
  readonly admission: Admission;
  readonly bodies: Bodies;
  readonly clock: LimitClock;
  readonly underWay: RunsUnderWay<GuestRun>;
  /** Those of WebSocket connections, which nobody waits for. */
  readonly conversing: RunsUnderWay<GuestRun>;
  readonly idle: IdleGuests;
  readonly making: Making;
}

export class GuestRun implements SeatWaiter, Endable<GuestRun> {
  begunBefore: GuestRun | undefined;
  begunAfter: GuestRun | undefined;
  /** Whose run it is; undefined where nobody asked for it. */
  readonly record: RequestRecord | undefined;
  readonly #parts: RunParts;
  readonly #program: ProgramHost;
  readonly #shares: Shares;
  #phase: Phase = 'body';
  #isConversation = false;
  #startedAtMs = 0;
  #activation: Activation | undefined;
  readonly seating: Seating;
  #onSeat: (() => void) | undefined;
  #guest: Guest | undefined;
  #memoryBytes = 0;
  /** Set while a large guest is put back in pieces. */
  #restoring: Promise<void> | undefined;
  #cpuMsMax: number;
  readonly #digestWords: Int32Array;
  readonly #limits: RunLimits;
  /** Where the run has less time than all. */
  readonly #wallMs: number | undefined;
  #wallTimer: NodeJS.Timeout | undefined;

  constructor(parts: RunParts, program: ProgramHost, run: RunPlan) {
    const { shares, limits } = run;
    const claim = { admission: parts.admission, shares, runsMax: limits.runs };
    this.seating = openSeating(claim, run.seats);
    this.record = run.record;
    this.#parts = parts;
    this.#program = program;
    this.#shares = shares;
    this.#digestWords = run.digestWords;
    this.#limits = limits;
    this.#cpuMsMax = atMost(parts.cpuMsMax, limits.cpuMs);
    const hasOwnTime = limits.wallMs !== undefined && limits.wallMs < parts.limits.wallMsMax;
    this.#wallMs = hasOwnTime ? limits.wallMs : undefined;
  }

  /**
   * Runs the entry for one exchange. Never rejects: whatever happens is in the report. When the
   * report has an error, the exchange may still be without an answer; the caller gives one. The
   * answer may leave long before: the run goes on within the same limits, and keeps its seat.
   */
  async run(exchange: Exchange, capabilities: Capabilities): Promise<RunReport> {
    const { bodies, underWay } = this.#parts;
    const activation = this.#activate();
    const hostMemory = new RunBytes(activation, this.#parts);
    try {
      // Asked before the body is read: work that cannot begin should not hold anything.
      activation.share.requireRoom(this.#program.guestBytes);
      this.seating.requireRoom();
      if (exchange.hasBody) bodies.begin(this.#shares.client, exchange);
    } catch (refusal) {
      return refusedReport(toErrorRecord(refusal));
    }
    underWay.begin(this);
    const farewell = new Farewell(activation, this.#parts.limits.cancelGraceMs);
    exchange.onGone(() => farewell.begin(this.#guest?.instance.binding));
    this.#watch(activation, this.#startedAtMs);
    let end: RunEnd | undefined;
    let error: ErrorRecord | undefined;
    try {
      activation.requireAlive();
      const arriving = this.#readBody(exchange, activation);
      const body = arriving === undefined ? noBytes : await arriving;
      if (arriving !== undefined) bodies.end(this.#shares.client, exchange);
      if (exchange.givesBodyAway === true) hostMemory.own(body);
      const seat = this.seating.take() ? undefined : this.#waitForSeat(activation);
      if (seat !== undefined) await seat;
      this.#phase = 'guest';
      // A look at the clock costs as much as a hostcall.
      const hasWaited = arriving !== undefined || seat !== undefined;
      const turn = activation.enter(hasWaited ? undefined : this.#startedAtMs);
      if (turn !== undefined) await turn;
      end = await this.#serve({ exchange, capabilities, body, hostMemory }, activation);
      const settling = this.#settle(end, activation);
      if (settling !== undefined) await settling;
    } catch (failure) {
      if (!activation.isEnding) error = toErrorRecord(failure);
    }
    exchange.onGone(undefined);
    farewell.close();
    this.#unwatch(activation);
    error = this.#finish(activation, end) ?? error;
    if (this.#restoring !== undefined) await this.#restoring;
    hostMemory.close();
    const endedAtMs = this.#letGo(activation);
    if (exchange.hasBody) bodies.end(this.#shares.client, exchange);
    this.seating.leave();
    underWay.end(this);
    const isAnswered = exchange.replyState === 'ended';
    return this.#report({ isAnswered, activation, end, error, endedAtMs });
  }

  /** Whether `converse` makes sense. */
  get canConverse(): boolean {
    return this.#program.abi.converses?.(this.#program.loaded.entry) ?? false;
  }

  /** Whether `run` is for requests of another protocol, too. */
  get takesUpgrades(): boolean {
    return this.#program.abi.takesUpgrades === true;
  }

  /**
   * Runs the entry for as long as a conversation lasts. It takes no seat of the site's, has no
   * wall-clock limit, and a CPU budget for every message it takes; its start counts as one.
   * Never rejects.
   */
  async converse(
    exchange: Exchange,
    capabilities: Capabilities,
    conversation: Conversation,
  ): Promise<RunReport> {
    this.#cpuMsMax = atMost(this.#parts.limits.websocketCpuMsMax, this.#limits.cpuMs);
    const activation = this.#activate();
    const hostMemory = new RunBytes(activation, this.#parts);
    this.#isConversation = true;
    this.#parts.conversing.begin(this);
    conversation.onTaken(() => activation.renewBudget());
    conversation.onGivenUp(() => activation.end('abandoned'));
    let end: RunEnd | undefined;
    let error: ErrorRecord | undefined;
    try {
      const turn = activation.enter();
      if (turn !== undefined) await turn;
      const run = { exchange, capabilities, conversation, hostMemory };
      end = await this.#serve({ ...run, body: noBytes }, activation);
      await this.#settle(end, activation);
    } catch (failure) {
      if (!activation.isEnding) error = toErrorRecord(failure);
    }
    conversation.onTaken(undefined);
    conversation.onGivenUp(undefined);
    error = this.#finish(activation, end) ?? error;
    hostMemory.close();
    const endedAtMs = this.#letGo(activation);
    this.#parts.conversing.end(this);
    return this.#report({ isAnswered: false, activation, end, error, endedAtMs });
  }

  onSeat(): void {
    this.#onSeat?.();
  }

  /** From outside; what has ended stays as it is. */
  end(cause: HostEnd): void {
    this.#activation?.end(cause);
  }

  get waitsFor(): 'body' | 'queue' | undefined {
    return this.#phase === 'guest' ? undefined : this.#phase;
  }

  look(): Omit<RunLook, 'record'> {
    return {
      phase: this.#isConversation ? 'websocket' : this.#phase,
      ageMs: this.#parts.nowMs() - this.#startedAtMs,
      cpuMs: this.#activation?.cpuMs ?? 0,
    };
  }

  #activate(): Activation {
    const { fuel } = this.#program;
    const digestWords = this.#digestWords;
    const cpuMsMax = this.#cpuMsMax + this.#program.compileCreditMs;
    const memoryBytesMax = atMost(this.#parts.memoryBytesMax, this.#limits.memoryBytes);
    const run = { shares: this.#shares, digestWords, fuel, cpuMsMax, memoryBytesMax };
    this.#startedAtMs = this.#parts.nowMs();
    this.#activation = new Activation(this.#parts, run);
    return this.#activation;
  }

  /** Nothing is held for the run any more. Answers when that was: each look at the clock costs. */
  #letGo(activation: Activation): number {
    const endedAtMs = this.#parts.nowMs();
    activation.finish(endedAtMs);
    const beyondMs = activation.cpuMs - this.#cpuMsMax;
    if (beyondMs > 0) this.#program.spendCompileCredit(beyondMs);
    return endedAtMs;
  }

  /** Undefined where there is nothing to wait for: a short run should not wait for nothing. */
  #readBody(exchange: Exchange, activation: Activation): Promise<Uint8Array> | undefined {
    if (this.#program.abi.requestBody === 'streamed' || !exchange.hasBody) return undefined;
    return activation.waitOutside(exchange.readBody(this.#parts.limits.requestBodyBytesMax));
  }

  async #waitForSeat(activation: Activation): Promise<void> {
    this.#phase = 'queue';
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onSeat = resolve;
    this.seating.wait(this);
    await activation.waitOutside(promise);
    // The wait had its own limit; the run itself has all of its time.
    this.#watch(activation, this.#parts.nowMs());
  }

  /** A limit of its own has a timer of its own: the clock has one limit for all. */
  #watch(activation: Activation, nowMs: number): void {
    if (this.#wallMs === undefined) this.#parts.clock.watch(activation, nowMs);
    else {
      clearTimeout(this.#wallTimer);
      this.#wallTimer = setTimeout(() => activation.onDeadline(), this.#wallMs);
    }
  }

  #unwatch(activation: Activation): void {
    if (this.#wallMs === undefined) this.#parts.clock.unwatch(activation);
    else clearTimeout(this.#wallTimer);
  }

  /** Holds the thread. @throws what is no end of the guest's */
  async #serve(run: Run, activation: Activation): Promise<RunEnd> {
    const program = this.#program;
    try {
      activation.requireAlive();
      const guest = run.conversation
        ? await program.createForOnce(activation, run.capabilities)
        : (this.#takeIdle(activation) ??
          (await this.#parts.making.obtain(program, activation, {
            takeIdle: () => this.#takeIdle(activation),
            create: () => program.create(activation, run.capabilities),
          })));
      this.#guest = guest;
      this.#requireMemory(guest, activation);
      guest.instance.begin(run);
      if (!guest.isStarted) await guest.instance.start();
      await guest.instance.callEntry();
      return { kind: 'returned' };
    } catch (error) {
      return activation.explain(error);
    }
  }

  /** Only an own limit can be below what the module was judged by. */
  #requireMemory(guest: Guest, activation: Activation): void {
    if (this.#limits.memoryBytes === undefined) return;
    if (activation.quota.allowsStart(guest.instance.memoryBytes)) return;
    throw activation.endByGuest({ kind: 'trapped', reason: 'it begins with more memory' });
  }

  #takeIdle(activation: Activation): Guest | undefined {
    const guest = this.#parts.idle.take(this.#program, this.#shares.site);
    guest?.serve(activation, this.#program.record.isSampling);
    return guest;
  }

  /** What has to be done before the answer, while others have the thread. */
  #settle(end: RunEnd, activation: Activation): Promise<void> | undefined {
    const settling = this.#guest?.instance.binding.settle?.(end);
    if (settling !== undefined) activation.leave();
    return settling;
  }

  /** The reply, if it is due; then the guest is put back, or given up. */
  #finish(activation: Activation, end: RunEnd | undefined): ErrorRecord | undefined {
    const guest = this.#guest;
    if (guest === undefined) return undefined;
    const { instance } = guest;
    this.#memoryBytes = instance.memoryBytes;
    let error: ErrorRecord | undefined;
    try {
      if (end !== undefined && activation.hostEnd === undefined) instance.binding.finish(end);
    } catch (failure) {
      error = toErrorRecord(failure);
    }
    instance.binding.release();
    instance.detach();
    // Stacks that are left would go on in an instance that serves somebody else.
    const isAlone = !activation.endOthers();
    const isClean = isCleanEnd(end, activation) && !activation.hasGrownTable;
    if (isClean && isAlone) this.#putBack(guest, activation);
    else guest.discard();
    return error;
  }

  #putBack(guest: Guest, activation: Activation): void {
    const program = this.#program;
    program.fuel = activation.gauge.firstOfNext;
    const physicalBytes = guest.instance.physicalBytes;
    if (!program.suits(guest, physicalBytes) || !this.#parts.stock.allowsIdle) {
      guest.discard();
      return;
    }
    guest.charge.set(program.bytesWith(physicalBytes));
    const used = { cpuUs: activation.cpuUsNow(), fuel: guest.fuelUsed(activation) };
    try {
      const pages = guest.restore(physicalBytes, this.#shares.site);
      program.learn({ ...used, pages, memoryBytes: physicalBytes });
      const rest = guest.takeRest();
      if (rest === undefined) this.#parts.idle.put(program, guest, physicalBytes);
      else this.#restoring = this.#putBackRest(guest, activation, rest);
    } catch {
      // A state that could not be put back must not be seen by anybody: a new guest costs less.
      guest.discard();
    }
  }

  /** On the run's turns, though its answer has left: the time is its owner's. */
  async #putBackRest(guest: Guest, activation: Activation, rest: Steps<void>): Promise<void> {
    activation.forgive();
    activation.renewBudget();
    try {
      await follow(activation, rest);
    } catch {
      guest.discard();
      return;
    }
    const bytes = guest.instance.physicalBytes;
    if (this.#program.suits(guest, bytes)) this.#parts.idle.put(this.#program, guest, bytes);
    else guest.discard();
  }

  #report(run: {
    readonly isAnswered: boolean;
    readonly activation: Activation;
    readonly end: RunEnd | undefined;
    readonly error: ErrorRecord | undefined;
    readonly endedAtMs: number;
  }): RunReport {
    const { activation, end } = run;
    const cause =
      run.error ??
      explainEnd(activation, end, {
        cpuMsMax: this.#cpuMsMax,
        wallMsMax: this.#wallMs ?? this.#parts.limits.wallMsMax,
        phase: this.#phase,
        isAnswered: run.isAnswered,
      });
    return {
      outcome: outcomeOf(activation, end, cause),
      error: run.isAnswered ? undefined : cause,
      cause,
      cpuUs: Math.round(activation.cpuMs * 1_000),
      wallUs: Math.round((run.endedAtMs - this.#startedAtMs) * 1_000),
      memoryBytes: this.#memoryBytes,
      exitCode: end?.kind === 'exited' ? end.exitCode : undefined,
    };
  }
}
