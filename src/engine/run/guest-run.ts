/** One run from the door to the report: its place, its turn, its guest, and its outcome. */
import type { Conversation, Exchange, RunEnd } from '../../abi/abi.ts';
import type { Shares } from '../../account/shares.ts';
import type { Capabilities } from '../../capability/capability.ts';
import { toErrorRecord } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { Guest } from '../guest.ts';
import type { SeatWaiter } from '../supply/admission.ts';
import type { ProgramHost } from '../supply/program-host.ts';
import type { Room } from '../supply/rooms.ts';
import type { HostEnd } from '../turn/ending.ts';
import { Activation } from './activation.ts';
import { RunBytes } from './bytes.ts';
import { type Course, noteFailure, returned } from './course.ts';
import { Farewell } from './farewell.ts';
import { isCleanEnd, type Phase } from './outcome.ts';
import { putBack } from './put-back.ts';
import { type RunLook, type RunReport, refusedReport, reportOf } from './report.ts';
import { atMost, type RunLimits } from './run-limits.ts';
import type { RunPartsOf } from './run-parts.ts';
import type { RunPlan } from './run-plan.ts';
import { openSeating, type Seating } from './seating.ts';
import type { Endable } from './under-way.ts';

export type RunParts = RunPartsOf<GuestRun>;

export class GuestRun implements SeatWaiter, Endable<GuestRun> {
  begunBefore: GuestRun | undefined;
  begunAfter: GuestRun | undefined;
  /** Whose run it is; undefined where nobody asked for it. */
  readonly record: RequestRecord | undefined;
  readonly #parts: RunParts;
  #program: ProgramHost;
  readonly #shares: Shares;
  #phase: Phase = 'body';
  #isConversation = false;
  #startedAtMs = 0;
  #activation: Activation | undefined;
  readonly seating: Seating;
  #onSeat: (() => void) | undefined;
  #guest: Guest | undefined;
  /** What the guests of the site have. */
  #room: Room = 0;
  #memoryBytes = 0;
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
    this.#cpuMsMax = atMost(parts.limits.cpuMsMax, limits.cpuMs);
    const hasOwnTime = limits.wallMs !== undefined && limits.wallMs < parts.limits.wallMsMax;
    this.#wallMs = hasOwnTime ? limits.wallMs : undefined;
  }

  /**
   * Runs the entry for one exchange. Never throws: whatever happens is in the report. When the
   * report has an error, the exchange may still be without an answer; the caller gives one. The
   * answer may leave long before: the run goes on within the same limits, and keeps its seat.
   *
   * Most runs wait for nothing, and are over when this returns: then there is no promise. Each
   * stage goes on to the next in the same way.
   */
  run(exchange: Exchange, capabilities: Capabilities): RunReport | Promise<RunReport> {
    const { bodies, underWay, limits } = this.#parts;
    if (this.#program.startsEarly) {
      this.#program = this.#parts.suiting(this.#program, { exchange, capabilities });
    }
    const activation = this.#activate();
    const hostMemory = new RunBytes(activation, this.#parts);
    try {
      // Asked before the body is read: work that cannot begin should not hold anything.
      activation.share.requireRoom(this.#program.guestBytes);
      if (exchange.hasBody) {
        this.seating.requireRoom();
        bodies.begin(this.#shares.client, exchange);
      }
    } catch (refusal) {
      return refusedReport(toErrorRecord(refusal));
    }
    underWay.begin(this);
    this.#watch(activation, this.#startedAtMs);
    const course: Course = {
      exchange,
      capabilities,
      body: noBytes,
      hostMemory,
      activation,
      farewell: undefined,
      end: undefined,
      error: undefined,
    };
    exchange.onGone(() => {
      const graceMs = limits.cancelGraceMs;
      course.farewell = new Farewell(activation, this.#guest?.instance.binding, graceMs);
    });
    try {
      activation.requireAlive();
      const ending = this.#takeBody(course);
      if (ending !== undefined) return this.#closeLater(course, ending);
    } catch (failure) {
      noteFailure(course, failure);
    }
    return this.#close(course);
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
    if (this.#program.startsEarly) {
      const asker = { exchange, capabilities, conversation };
      this.#program = this.#parts.suiting(this.#program, asker);
    }
    const activation = this.#activate();
    const hostMemory = new RunBytes(activation, this.#parts);
    this.#isConversation = true;
    this.#parts.conversing.begin(this);
    conversation.onTaken(() => activation.renewBudget());
    conversation.onGivenUp(() => activation.end('abandoned'));
    const run = { exchange, capabilities, conversation, hostMemory, body: noBytes };
    const ends = { farewell: undefined, end: undefined, error: undefined };
    const course: Course = { ...run, activation, ...ends };
    try {
      const turn = activation.enter();
      if (turn !== undefined) await turn;
      await this.#serve(course);
    } catch (failure) {
      noteFailure(course, failure);
    }
    conversation.onTaken(undefined);
    conversation.onGivenUp(undefined);
    this.#finish(course);
    hostMemory.close();
    const endedAtMs = this.#letGo(activation);
    this.#parts.conversing.end(this);
    return this.#report(course, false, endedAtMs);
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

  /** The body comes first, where the guest gets it whole. */
  #takeBody(course: Course): Promise<void> | undefined {
    const { exchange, activation, hostMemory } = course;
    const { bodies, limits } = this.#parts;
    if (this.#program.abi.requestBody === 'streamed' || !exchange.hasBody) {
      return this.#takeSeat(course, false);
    }
    return activation.waitOutside(exchange.readBody(limits.requestBodyBytesMax)).then((body) => {
      bodies.end(this.#shares.client, exchange);
      course.body = body;
      if (exchange.givesBodyAway === true) hostMemory.own(body);
      return this.#takeSeat(course, true);
    });
  }

  #takeSeat(course: Course, hasWaited: boolean): Promise<void> | undefined {
    if (this.seating.take()) return this.#takeTurn(course, hasWaited);
    return this.#waitForSeat(course.activation).then(() => this.#takeTurn(course, true));
  }

  #takeTurn(course: Course, hasWaited: boolean): Promise<void> | undefined {
    this.#phase = 'guest';
    // A look at the clock costs as much as a hostcall.
    const turn = course.activation.enter(
      hasWaited ? undefined : this.#startedAtMs,
      !hasWaited && this.#program.tellsEnd,
    );
    return turn === undefined ? this.#serve(course) : turn.then(() => this.#serve(course));
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

  /** Holds the thread. @throws what is no end of the guest's, at once or later */
  #serve(course: Course): Promise<void> | undefined {
    const { activation } = course;
    let returning: Promise<unknown> | undefined;
    this.#room = this.#program.rooms.of(this.#shares.site);
    try {
      activation.requireAlive();
      const guest = course.conversation === undefined ? this.#takeIdle(activation) : undefined;
      if (guest === undefined && activation.hasBorrowed) {
        // Making one takes longer than the call in which it may have the thread.
        activation.leave();
        return this.#takeTurn(course, true);
      }
      returning = guest === undefined ? this.#callNew(course) : this.#call(guest, course);
    } catch (error) {
      return this.#settle(course, activation.explain(error));
    }
    if (returning === undefined) return this.#settle(course, returned);
    return returning.then(
      () => this.#settle(course, returned),
      (error: unknown) => this.#settle(course, activation.explain(error)),
    );
  }

  /** Undefined: the guest has returned. */
  #call(guest: Guest, course: Course): Promise<unknown> | undefined {
    const { instance } = guest;
    this.#guest = guest;
    this.#requireMemory(guest, course.activation);
    guest.makeRoom(this.#room);
    instance.begin(course);
    if (guest.isStarted) return instance.callEntry();
    return instance.start().then(() => instance.callEntry());
  }

  /** No async function, here and below: each takes 200 bytes more while the guest waits. */
  #callNew(course: Course): Promise<unknown> {
    return this.#make(course).then((guest) => this.#call(guest, course));
  }

  #make({ activation, capabilities, conversation }: Course): Promise<Guest> {
    const program = this.#program;
    if (conversation !== undefined) return program.createForOnce(activation, capabilities);
    return this.#parts.making.obtain(program, activation, {
      takeIdle: () => this.#takeIdle(activation),
      create: () => program.create(activation, capabilities),
    });
  }

  /** Only an own limit can be below what the module was judged by. */
  #requireMemory(guest: Guest, activation: Activation): void {
    if (this.#limits.memoryBytes === undefined) return;
    if (activation.quota.allowsStart(guest.instance.memoryBytes)) return;
    throw activation.endByGuest({ kind: 'trapped', reason: 'it begins with more memory' });
  }

  #takeIdle(activation: Activation): Guest | undefined {
    const guest = this.#parts.idle.take(this.#program, this.#shares.site, this.#room);
    guest?.serve(activation, this.#program.record.isSampling);
    return guest;
  }

  /** The entry has ended: what has to be done before the answer, while others have the thread. */
  #settle(course: Course, end: RunEnd): Promise<void> | undefined {
    course.end = end;
    const settling = this.#guest?.instance.binding.settle?.(end);
    if (settling !== undefined) course.activation.leave();
    return settling;
  }

  #closeLater(course: Course, ending: Promise<void>): Promise<RunReport> {
    const close = () => this.#close(course);
    return ending.then(close, (failure) => {
      noteFailure(course, failure);
      return close();
    });
  }

  #close(course: Course): RunReport | Promise<RunReport> {
    course.exchange.onGone(undefined);
    course.farewell?.close();
    this.#unwatch(course.activation);
    const restoring = this.#finish(course);
    return restoring === undefined
      ? this.#leave(course)
      : restoring.then(() => this.#leave(course));
  }

  #leave(course: Course): RunReport {
    const { exchange } = course;
    course.hostMemory.close();
    const endedAtMs = this.#letGo(course.activation);
    if (exchange.hasBody) this.#parts.bodies.end(this.#shares.client, exchange);
    this.seating.leave();
    this.#parts.underWay.end(this);
    return this.#report(course, exchange.replyState === 'ended', endedAtMs);
  }

  /**
   * The reply, if it is due; then the guest is put back, or given up. A promise where that is done
   * in pieces.
   */
  #finish(course: Course): Promise<void> | undefined {
    const { activation, end } = course;
    const guest = this.#guest;
    if (guest === undefined) return undefined;
    const { instance } = guest;
    this.#memoryBytes = instance.memoryBytes;
    try {
      if (end !== undefined && activation.hostEnd === undefined) instance.binding.finish(end);
    } catch (failure) {
      course.error = toErrorRecord(failure);
    }
    instance.binding.release();
    instance.detach();
    // Stacks that are left would go on in an instance that serves somebody else.
    const isAlone = !activation.endOthers();
    const isClean = isCleanEnd(end, activation) && !activation.hasGrownTable;
    if (isClean && isAlone) {
      const { site } = this.#shares;
      return putBack({ guest, program: this.#program, activation, site }, this.#parts);
    }
    guest.discard();
    return undefined;
  }

  #report(course: Course, isAnswered: boolean, endedAtMs: number): RunReport {
    return reportOf(course, {
      cpuMsMax: this.#cpuMsMax,
      wallMsMax: this.#wallMs ?? this.#parts.limits.wallMsMax,
      phase: this.#phase,
      isAnswered,
      wallMs: endedAtMs - this.#startedAtMs,
      memoryBytes: this.#memoryBytes,
    });
  }
}
