/**
 * Guests of one serving thread, ready to run: the engine's face towards the request road.
 */
import type { Abi, EarlyCapabilities } from '../../abi/abi.ts';
import type { Account } from '../../account/account.ts';
import type { Shares } from '../../account/shares.ts';
import type { Limits } from '../../config/config.ts';
import { type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import { LimitClock } from '../../limit-clock.ts';
import type { OwnerKey } from '../../names.ts';
import { digestToWords, type LedgerPage } from '../../threads/ledger.ts';
import type { LoadedModule } from '../../threads/messages.ts';
import type { AttemptCounts } from '../attempt/attempt-record.ts';
import { Crossings } from '../crossings.ts';
import { Entrance } from '../entrance.ts';
import type { Guest } from '../guest.ts';
import { MeterHost } from '../meter-host.ts';
import { PageMapper } from '../restore/page-mapper.ts';
import type { RestoreMode } from '../restore/snapshot.ts';
import { Activation } from '../run/activation.ts';
import { Bodies } from '../run/bodies.ts';
import { GuestRun, type RunParts } from '../run/guest-run.ts';
import { explainEnd } from '../run/outcome.ts';
import type { RunLook } from '../run/report.ts';
import { noRunLimits } from '../run/run-limits.ts';
import { noRequest } from '../run/run-plan.ts';
import { takeTrap } from '../run/trap.ts';
import { RunsUnderWay } from '../run/under-way.ts';
import { WallLimit } from '../run/wall-limit.ts';
import { Scheduler } from '../turn/scheduler.ts';
import { Stalls } from '../turn/stalls.ts';
import { ThreadCpu } from '../turn/thread-cpu.ts';
import { Admission, heldRule } from './admission.ts';
import { CardTables } from './card-tables.ts';
import type { SupplyCounts } from './counts.ts';
import { HoldingBack } from './holding-back.ts';
import { IdleGuests } from './idle-guests.ts';
import { Making } from './making.ts';
import { MemoryStock } from './memories.ts';
import { ObjectHeap } from './object-heap.ts';
import type { ProgramHost } from './program-host.ts';
import { Programs } from './programs.ts';
import { WarmUp } from './warm-up.ts';

export interface PoolOptions {
  readonly limits: Limits;
  readonly abis: ReadonlyMap<string, Abi>;
  readonly page: LedgerPage;
  readonly account: Account;
  /** Milliseconds since some instant. */
  readonly nowMs: () => number;
  /** Runs of an owner wait from now on, because others had to wait for them. */
  readonly onHeldBack?: ((owner: OwnerKey) => void) | undefined;
  /** See `Scheduler`. */
  readonly onOthersTurn?: (() => void) | undefined;
  /** How to restore, whatever is measured; for tests and benchmarks. */
  readonly restoreMode?: RestoreMode | 'never' | undefined;
  /** The same of attempts; see attempt/attempt.ts. */
  readonly attempts?: 'always' | 'never' | undefined;
}

/**
 * How often idle guests are looked at: memory that is short cannot wait long; and who was held back
 * for long enough.
 */
const lookMs = 100;

export class GuestPool {
  readonly #parts: RunParts;
  readonly #programs: Programs;
  /** The digest of a module is that of a run: programs may have several. */
  readonly #digests = new WeakMap<LoadedModule, Int32Array>();
  readonly #lookTimer: NodeJS.Timeout;
  readonly #stalls: Stalls;
  readonly #holdingBack: HoldingBack;
  readonly #warmUp = new WarmUp();
  /** See `Scheduler.lend`. */
  readonly lend: <R>(act: () => R) => R;
  /** Looked for once, when a large guest first wants it; null: there is none. */
  #mapper: PageMapper | null | undefined;

  constructor(options: PoolOptions) {
    const { limits, abis, page, account, nowMs, onHeldBack, onOthersTurn, restoreMode } = options;
    const scheduler = new Scheduler<Activation>({ sliceMs: limits.sliceMs, nowMs, onOthersTurn });
    this.lend = (act) => scheduler.lend(act);
    const trap = takeTrap();
    const crossings = new Crossings({ scheduler, trap });
    const admission = new Admission(limits);
    const held = new HoldingBack({ account, admission, limits, onHeld: onHeldBack });
    const objects = new ObjectHeap({
      bytesPerRunMax: limits.objectBytesPerRunMax,
      bytesPerThreadMax: limits.objectBytesPerThreadMax,
    });
    const { idleGuestBytesMax: bytesMax, idleGuestMsMax: idleMsMax } = limits;
    const idle = new IdleGuests({ account, bytesMax, idleMsMax });
    const clock = new LimitClock(limits.wallMsMax);
    const cpu = new ThreadCpu();
    const onStall = held.charge.bind(held);
    const stalls = new Stalls({ account, cpu, nowMs, use: scheduler, onStall });
    this.#holdingBack = held;
    this.#stalls = stalls;
    this.#lookTimer = lookEvery(nowMs, { idle, stalls, held });
    this.#parts = {
      scheduler,
      trap,
      page,
      account,
      limits,
      idle,
      nowMs,
      cpu,
      stalls,
      guestCallMsMax: limits.guestCallMsMax,
      memoryBytesMax: limits.memoryBytesMax,
      meterHost: new MeterHost({ scheduler, trap, objects, crossings, nowMs }),
      entrance: new Entrance(),
      crossings,
      stock: new MemoryStock({
        account,
        memoriesMax: limits.instancesMax,
        evictOne: () => idle.evictOne(),
      }),
      cardTables: new CardTables(),
      mapper: () => this.#openMapper(),
      fixedMode: restoreMode,
      fixedAttempts: options.attempts,
      admission,
      objects,
      bodies: new Bodies(limits.bodiesPerClientMax),
      clock,
      wall: new WallLimit(clock),
      underWay: new RunsUnderWay(),
      conversing: new RunsUnderWay(),
      making: new Making(),
      suiting: (program, asker) => this.#programs.suiting(program, asker),
    };
    const onForgotten = (program: ProgramHost): void => forget(program, idle);
    this.#programs = new Programs({ limits, abis, parts: this.#parts, onForgotten });
  }

  /**
   * A run of `loaded` on the account of `shares`, which waits its turn when it is begun.
   *
   * @param request Its record, for who looks at what runs, and its seats.
   */
  acquire(
    loaded: LoadedModule,
    shares: Shares,
    limits = noRunLimits,
    { record, seats } = noRequest,
  ): GuestRun {
    const program = this.#programs.of(loaded, shares.owner, limits.memoryBytes);
    const digestWords = this.#digestOf(loaded);
    return new GuestRun(this.#parts, program, { shares, digestWords, limits, record, seats });
  }

  /**
   * Before a conversation, which waits for no seat.
   *
   * @throws TerrafirmaError `overloaded` while the owner's runs wait
   */
  requireFree({ owner }: Shares): void {
    if (this.#holdingBack.isHeld(owner))
      throw new TerrafirmaError('overloaded', `Cannot begin now: ${heldRule}`);
  }

  /** What runs or waits now, the youngest first, WebSocket connections last. */
  *looks(): IterableIterator<RunLook> {
    for (const run of this.#runs()) {
      const { record } = run;
      if (record !== undefined) yield { record, ...run.look() };
    }
  }

  /** Ends the run of a request for an operator; false: there is none. */
  endRun(requestId: string): boolean {
    for (const run of this.#runs()) {
      if (run.record?.id !== requestId) continue;
      run.end('ended');
      return true;
    }
    return false;
  }

  /** The limits, which whoever made the pool has changed, hold from now on. */
  retune(): void {
    const { clock, limits } = this.#parts;
    clock.setLimit(limits.wallMsMax, this.#parts.nowMs());
  }

  get runCount(): number {
    return this.#parts.underWay.size;
  }

  /** Since the start. */
  get counts(): SupplyCounts {
    const { idle, stock } = this.#parts;
    return { ...stock.counts, discardedIdle: idle.evictions };
  }

  /** Of them, those whose body is still being read, and those that have no seat yet. */
  get waitingCounts(): { readonly body: number; readonly queue: number } {
    let body = 0;
    let queue = 0;
    for (const { waitsFor } of this.#parts.underWay) {
      if (waitsFor === 'body') body += 1;
      else if (waitsFor === 'queue') queue += 1;
    }
    return { body, queue };
  }

  get idleCount(): number {
    return this.#parts.idle.count;
  }

  *#runs(): IterableIterator<GuestRun> {
    yield* this.#parts.underWay;
    yield* this.#parts.conversing;
  }

  /**
   * Makes one guest ready before the first request asks for it. Never fails: that one will say.
   * One at a time for each owner: its start function runs like any other guest, on its account.
   *
   * @param onReady Told when there is one: its code ran, and the process is still there.
   */
  warm(
    loaded: LoadedModule,
    shares: Shares,
    capabilities: EarlyCapabilities,
    onReady?: () => void,
  ): void {
    if (this.#holdingBack.isHeld(shares.owner)) return;
    this.#warmUp.add(shares.owner, async () => {
      if (await this.#warm(loaded, shares, capabilities)) onReady?.();
    });
  }

  /** From now on runs are of this compilation of the module; those under way end with theirs. */
  renew(loaded: LoadedModule): void {
    this.#programs.renew(loaded);
  }

  /** Nobody serves the module any more: it goes, unless guests of it wait, which go by time. */
  forget(loaded: LoadedModule): void {
    this.#programs.forget(loaded, (program) => this.#parts.idle.has(program));
  }

  /** Bytes of the guests that wait for their next run. */
  get idleBytes(): number {
    return this.#parts.idle.bytes;
  }

  /** Whether the start of `loaded` is done once for an owner, as far as is known. */
  startsOnce(loaded: LoadedModule, { owner }: Pick<Shares, 'owner'>): boolean {
    return this.#programs.of(loaded, owner).startsEarly;
  }

  /** How guests of `loaded` are restored now for an owner. */
  modeOf(loaded: LoadedModule, owner: OwnerKey): RestoreMode {
    return this.#programs.of(loaded, owner).mode;
  }

  /** What became of runs of `loaded` on the thread's own stack, for an owner. */
  attemptsOf(loaded: LoadedModule, owner: OwnerKey): AttemptCounts {
    return this.#programs.of(loaded, owner).record.attempts.counts;
  }

  /**
   * Resolves when no run is under way, also none whose answer has left; those that are left after
   * `waitMs` are given up. Conversations are not waited for.
   */
  drain(waitMs: number): Promise<void> {
    return this.#parts.underWay.drain(waitMs);
  }

  close(): void {
    this.#warmUp.close();
    clearInterval(this.#lookTimer);
    this.#stalls.close();
    this.#parts.clock.close();
    this.#parts.scheduler.close();
    this.#programs.clear();
    this.#parts.idle.close();
  }

  /** Makes a guest, and gives it up: why none can be made, if so. Never rejects. */
  async tryOut(
    loaded: LoadedModule,
    shares: Shares,
    capabilities: EarlyCapabilities,
  ): Promise<ErrorRecord | undefined> {
    const use = (guest: Guest): void => guest.discard();
    return await this.#make(loaded, shares, { capabilities, use });
  }

  async #warm(
    loaded: LoadedModule,
    shares: Shares,
    capabilities: EarlyCapabilities,
  ): Promise<boolean> {
    const { idle } = this.#parts;
    const program = this.#programFor(loaded, shares, capabilities);
    if (idle.has(program)) return true;
    // What fails the first request will meet again and be told; there is nobody to tell here.
    const failure = await this.#make(loaded, shares, {
      capabilities,
      use: (guest, isEnding) => {
        const { physicalBytes } = guest.instance;
        const isGood = program.suits(guest, physicalBytes) && !isEnding;
        if (isGood) idle.put(program, guest, physicalBytes);
        else guest.discard();
      },
    });
    return failure === undefined;
  }

  /** Has a guest made on a run of its own, and gives it to `use`; answers why there is none. */
  async #make(
    loaded: LoadedModule,
    shares: Shares,
    {
      capabilities,
      use,
    }: {
      readonly capabilities: EarlyCapabilities;
      readonly use: (guest: Guest, isEnding: boolean) => void;
    },
  ): Promise<ErrorRecord | undefined> {
    const { clock, nowMs, limits, making } = this.#parts;
    const program = this.#programFor(loaded, shares, capabilities);
    const digestWords = this.#digestOf(loaded);
    const activation = new Activation(this.#parts, { shares, digestWords, fuel: program.fuel });
    clock.watch(activation, nowMs());
    try {
      const turn = activation.enter();
      if (turn !== undefined) await turn;
      const guest = await making.obtain(program, activation, {
        takeIdle: () => undefined,
        create: () => program.create(activation, capabilities),
      });
      guest.instance.detach();
      use(guest, activation.isEnding);
      return undefined;
    } catch (error) {
      if (!activation.isEnding) return toErrorRecord(error);
      const { cpuMsMax, wallMsMax } = limits;
      const facts = { cpuMsMax, wallMsMax, phase: 'guest', isAnswered: false } as const;
      return explainEnd(activation, activation.explain(error), facts);
    } finally {
      activation.finish();
      clock.unwatch(activation);
    }
  }

  #programFor(
    loaded: LoadedModule,
    { owner }: Shares,
    capabilities: EarlyCapabilities,
  ): ProgramHost {
    const program = this.#programs.of(loaded, owner);
    return program.startsEarly ? this.#programs.suiting(program, { capabilities }) : program;
  }

  #digestOf(loaded: LoadedModule): Int32Array {
    let words = this.#digests.get(loaded);
    if (words === undefined) {
      words = digestToWords(loaded.digest);
      this.#digests.set(loaded, words);
    }
    return words;
  }

  #openMapper(): PageMapper | undefined {
    this.#mapper ??= PageMapper.open() ?? null;
    return this.#mapper ?? undefined;
  }
}

function forget(program: ProgramHost, idle: IdleGuests): void {
  idle.evictAll(program);
  program.close();
}

function lookEvery(
  nowMs: () => number,
  parts: { readonly idle: IdleGuests; readonly stalls: Stalls; readonly held: HoldingBack },
): NodeJS.Timeout {
  const look = (): void => {
    const { held, idle, stalls } = parts;
    idle.expire(nowMs());
    stalls.settle();
    held.look(nowMs());
  };
  return setInterval(look, lookMs).unref();
}
