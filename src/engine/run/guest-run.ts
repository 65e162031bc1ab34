/** One run from the door to the report: its place, its turn, its guest, and its outcome. */
import type { Conversation, Exchange, RunEnd } from '../../abi/abi.ts';
import type { Shares } from '../../account/shares.ts';
import type { Capabilities } from '../../capability/capability.ts';
import { toErrorRecord } from '../../errors.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import { Attempt, mayAttempt } from '../attempt/attempt.ts';
import type { Guest } from '../guest.ts';
import type { SeatWaiter } from '../supply/admission.ts';
import type { ProgramHost } from '../supply/program-host.ts';
import type { HostEnd } from '../turn/ending.ts';
import { Activation } from './activation.ts';
import { RunBytes } from './bytes.ts';
import { type Course, noteFailure, openCourse, returned } from './course.ts';
import { Farewell } from './farewell.ts';
import { isCleanEnd, type Phase } from './outcome.ts';
import { rest, type Served } from './put-back.ts';
import { type RunLook, type RunReport, refusedReport, reportOf } from './report.ts';
import { atMost, type RunLimits } from './run-limits.ts';
import type { RunPartsOf } from './run-parts.ts';
import type { RunPlan } from './run-plan.ts';
import { openSeating, type Seating } from './seating.ts';
import { obtain, prepare, takeIdle, type Wanted } from './taking.ts';
import type { Endable } from './under-way.ts';
import type { WallLimit } from './wall-limit.ts';

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
  #memoryBytes = 0;
  #cpuMsMax: number;
  readonly #digestWords: Int32Array;
  readonly #limits: RunLimits;
  readonly #wall: WallLimit;
  /** Behind an attempt that was dropped. */
  #isBegunAnew = false;

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
    this.#wall = parts.wall.for(limits.wallMs, parts.limits.wallMsMax);
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
    this.#startedAtMs = this.#parts.nowMs();
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
    this.#wall.watch(activation, this.#startedAtMs);
    const course = openCourse(activation, hostMemory, { exchange, capabilities });
    exchange.onGone(() => {
      const { binding } = this.#guest?.instance ?? {};
      course.farewell = new Farewell(this, binding, limits.cancelGraceMs);
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
   * wall-clock limit, and a CPU budget for each message; its start counts as one. Never rejects.
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
    this.#startedAtMs = this.#parts.nowMs();
    const activation = this.#activate();
    const hostMemory = new RunBytes(activation, this.#parts);
    this.#isConversation = true;
    this.#parts.conversing.begin(this);
    conversation.onTaken(() => activation.renewBudget());
    conversation.onGivenUp(() => activation.end('abandoned'));
    const course = openCourse(activation, hostMemory, { exchange, capabilities, conversation });
    try {
      await activation.enter();
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

  /** @param cpuMsUsed What the run has used before. */
  #activate(cpuMsUsed?: number): Activation {
    const { fuel } = this.#program;
    const cpuMsMax = this.#cpuMsMax + this.#program.compileCreditMs;
    const memoryBytesMax = atMost(this.#parts.memoryBytesMax, this.#limits.memoryBytes);
    const limits = { cpuMsMax, cpuMsUsed, memoryBytesMax };
    const run = { shares: this.#shares, digestWords: this.#digestWords, fuel, ...limits };
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
    this.#wall.watch(activation, this.#parts.nowMs());
  }

  /** Holds the thread. @throws what is no end of the guest's, at once or later */
  #serve(course: Course): Promise<void> | undefined {
    const { activation } = course;
    const wanted = this.#want();
    let returning: Promise<unknown> | undefined;
    let guest: Guest | undefined;
    let attempt: Attempt | undefined;
    try {
      activation.requireAlive();
      if (course.conversation === undefined) guest = takeIdle(this.#parts, wanted, activation);
      this.#guest = guest;
      if (guest !== undefined) prepare(guest, wanted, activation);
      else if (activation.hasBorrowed) {
        // Making one takes longer than the call in which it may have the thread.
        activation.leave();
        return this.#takeTurn(course, true);
      }
      if (guest === undefined) returning = this.#callNew(course, wanted);
      else if (!this.#isBegunAnew && mayAttempt(this.#program, guest, course.exchange))
        attempt = new Attempt(course);
      else returning = this.#call(guest, course);
    } catch (error) {
      return this.#settle(course, activation.explain(error));
    }
    if (guest !== undefined && attempt !== undefined) return this.#attempt(guest, course, attempt);
    return this.#follow(course, returning);
  }

  /** The guest was called; undefined: it has returned. */
  #follow(course: Course, returning: Promise<unknown> | undefined): Promise<void> | undefined {
    if (returning === undefined) return this.#ended(course, returned);
    return returning.then(
      () => this.#ended(course, returned),
      (error: unknown) => this.#ended(course, course.activation.explain(error)),
    );
  }

  #ended(course: Course, end: RunEnd): Promise<void> | undefined {
    const { attempts } = this.#program.record;
    if (!this.#isBegunAnew) attempts.noteRun(!course.activation.hasWaited);
    return this.#settle(course, end);
  }

  #attempt(guest: Guest, course: Course, attempt: Attempt): Promise<void> | undefined {
    const end = attempt.run(guest.instance);
    this.#program.record.attempts.note(attempt);
    if (end !== undefined) return this.#settle(course, end);
    this.#isBegunAnew = true;
    this.#guest = undefined;
    const resting = rest(this.#served(guest, course), this.#parts, attempt.isClean);
    return resting ? resting.then(() => this.#beginAnew(course)) : this.#beginAnew(course);
  }

  /** What an attempt that was dropped has left is gone; the run has what is left of its budget. */
  #beginAnew(course: Course): Promise<void> | undefined {
    const { activation: before, hostMemory } = course;
    this.#wall.unwatch(before);
    before.finish();
    const activation = this.#activate(before.cpuMs);
    course.activation = activation;
    course.hostMemory = new RunBytes(activation, this.#parts);
    course.hostMemory.takeOver(hostMemory);
    hostMemory.close();
    // From outside, while its guest was put back.
    if (before.hostEnd !== undefined) activation.end(before.hostEnd);
    this.#wall.watch(activation, this.#parts.nowMs());
    return this.#takeTurn(course, true);
  }

  /** Undefined: the guest has returned. */
  #call({ instance, isStarted }: Guest, course: Course): Promise<unknown> | undefined {
    course.activation.hasWaited = false;
    instance.begin(course);
    if (isStarted) return instance.callEntry();
    return instance.start().then(() => instance.callEntry());
  }

  /** No async function: each takes 200 bytes more while the guest waits. */
  #callNew(course: Course, wanted: Wanted): Promise<unknown> {
    return obtain(this.#parts, wanted, course).then((guest) => {
      this.#guest = guest;
      prepare(guest, wanted, course.activation);
      return this.#call(guest, course);
    });
  }

  #want(): Wanted {
    const { site } = this.#shares;
    const room = this.#program.rooms.of(site);
    return { program: this.#program, site, room, memoryBytesMax: this.#limits.memoryBytes };
  }

  #served(guest: Guest, course: Course): Served {
    return { guest, program: this.#program, course, site: this.#shares.site };
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
    this.#wall.unwatch(course.activation);
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
    return rest(this.#served(guest, course), this.#parts, isCleanEnd(end, activation));
  }

  #report(course: Course, isAnswered: boolean, endedAtMs: number): RunReport {
    return reportOf(course, {
      cpuMsMax: this.#cpuMsMax,
      wallMsMax: this.#wall.ownMs ?? this.#parts.limits.wallMsMax,
      phase: this.#phase,
      isAnswered,
      wallMs: endedAtMs - this.#startedAtMs,
      memoryBytes: this.#memoryBytes,
    });
  }
}
