/**
 * One program on one thread: makes guests of it, and learns from their runs which form and which
 * way of restoring suit it.
 */
import type { Abi, EarlyCapabilities } from '../../abi/abi.ts';
import { pageBytes } from '../../abi/memory.ts';
import type { Steps } from '../../abi/steps.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { LoadedModule } from '../../threads/messages.ts';
import type { Resume } from '../early/resume.ts';
import { type Discarding, Guest } from '../guest.ts';
import type { GuestInstance } from '../instance.ts';
import { chooseRestoreMode, firstRestoreMode } from '../restore/choice.ts';
import { FirstState, type TakeOptions } from '../restore/first-state.ts';
import type { PageImage } from '../restore/page-mapper.ts';
import { SharedState } from '../restore/shared-state.ts';
import { type RestoreMode, Snapshot } from '../restore/snapshot.ts';
import type { Activation } from '../run/activation.ts';
import { explainEarlyEnd } from '../run/early-end.ts';
import { type RunFacts, RunRecord } from '../run/record.ts';
import { follow } from '../turn/follow.ts';
import { firstFuel } from '../turn/fuel-gauge.ts';
import { FirstInstances } from './first-instances.ts';
import { HeldState } from './held-state.ts';
import { partsBytesOf } from './instance-bytes.ts';
import { InstanceMaker, type MadeInstance, type MakingOptions } from './instance-maker.ts';
import type { ProgramParts } from './program-parts.ts';
import { mayStartEarly, onlyVariant, type ProgramVariant } from './program-variant.ts';
import { SiteRooms } from './rooms.ts';
import { startOnce } from './start-once.ts';
import { filledBytesOf } from './untouched.ts';

interface CaptureOptions extends Pick<TakeOptions, 'lengthsMin'> {
  /** Whether its start functions have run. */
  readonly isStarted?: boolean;
}

/**
 * The baseline compiler's time for a byte of code. A Go program of 5.8 MB took 12 ns a byte on a
 * machine that was busy with others; a few of all functions are compiled twice, for both compilers.
 */
const compileNsPerByte = 30;
/** Images of memories beside the first are mapped only where copying would cost more. */
const mappedBytesMin = 1024 * 1024;

/** Of each memory, where its pages are mapped. */
type PageImages = readonly (PageImage | undefined)[];

export class ProgramHost {
  readonly loaded: LoadedModule;
  readonly abi: Abi;
  readonly variant: ProgramVariant;
  readonly #parts: ProgramParts;
  /** First fuel of a run, by what the last one was given. */
  fuel = firstFuel;
  /** Whether its runs hold the thread only while their code is on the stack, as far as is known. */
  tellsEnd = false;
  #mode: RestoreMode;
  readonly #shared: SharedState;
  /** The start function failed or asked for its request: it runs as a part of every run. */
  #startsInRun = false;
  /** Of a program that is initialised. */
  #first: FirstInstances | undefined;
  readonly #isRestorable: boolean;
  /** Of its instances, beside memories and objects. */
  readonly #partsBytes: number;
  #canMap = true;
  #isClosed = false;
  readonly #maker: InstanceMaker;
  /** Whose start is done once, until one could not be. */
  #startsEarly: boolean;
  #resume: Resume | undefined;
  readonly record: RunRecord;
  rooms = new SiteRooms();
  /** Objects that the start function took: the first state keeps them. */
  #objectBytes = 0;
  #physicalBytes = 0;
  /** Milliseconds that runs may still use beyond their limit, because V8 compiles in them. */
  #compileCreditMs: number;

  constructor(loaded: LoadedModule, abi: Abi, parts: ProgramParts, variant = onlyVariant) {
    this.loaded = loaded;
    this.variant = variant;
    this.abi = abi;
    this.#parts = parts;
    this.#shared = new SharedState(parts);
    this.record = new RunRecord(parts.fixedAttempts);
    this.#compileCreditMs = (loaded.codeBytes * compileNsPerByte) / 1e6;
    const { fixedMode } = parts;
    const { program } = loaded;
    const forms = program.cores.map(({ engine }) => engine.metered);
    this.#isRestorable = fixedMode !== 'never' && forms.every((form) => form.restorable === true);
    const canCopy = this.#isRestorable;
    this.#maker = new InstanceMaker(loaded, { abi, parts }, (bytes) => this.bytesWith(bytes));
    this.#startsEarly = variant.kind !== undefined && canCopy && mayStartEarly(loaded, abi);
    if (program.initialise !== undefined || this.#startsEarly) {
      this.#first = new FirstInstances(program, { canCopy });
    }
    this.#partsBytes = forms.reduce((sum, form) => sum + partsBytesOf(form), 0);
    const bytes = (program.memories[0]?.pagesMin ?? 0) * pageBytes;
    const wanted = fixedMode ?? firstRestoreMode({ cards: this.#hasCards, memoryBytes: bytes });
    this.#mode = wanted === 'never' || (wanted === 'cards' && !this.#hasCards) ? 'copy' : wanted;
  }

  /** The same, compiled anew: what runs of each site have needed stays true. */
  renewed(loaded: LoadedModule): ProgramHost {
    const program = new ProgramHost(loaded, this.abi, this.#parts, this.variant);
    program.rooms = this.rooms;
    return program;
  }

  /** Whether runs begin behind a start that is done once, as far as is known. */
  get startsEarly(): boolean {
    return this.#startsEarly;
  }

  /** The way of restoring that suits best now; guests of another form are not kept. */
  get mode(): RestoreMode {
    return this.#mode;
  }

  /**
   * What a run may use beyond its limit, in milliseconds: V8 compiles a function when it is first
   * called, on the thread of the guest, which has not asked for that.
   */
  get compileCreditMs(): number {
    return this.#compileCreditMs;
  }

  /** A run used so much more than its limit. */
  spendCompileCredit(ms: number): void {
    this.#compileCreditMs = Math.max(0, this.#compileCreditMs - ms);
  }

  /** Whether `guest`, which has so much memory now, may be kept for another run. */
  suits(guest: Guest, memoryBytes: number): boolean {
    return !this.#isClosed && guest.mode === this.#mode && guest.isKeepable(memoryBytes);
  }

  /**
   * A new guest in its first state, on the account of `activation`, which has the thread. The start
   * function, and what the module wants to be called once, are done before that state is taken, so
   * that they cost nothing per run.
   *
   * @throws what the run ended with meanwhile, and TerrafirmaError `overloaded`
   */
  async create(activation: Activation, capabilities: EarlyCapabilities): Promise<Guest> {
    // Without, it is there when this returns: what it holds is its owner's from the first moment.
    const copied = this.#first && (await this.#createInitialised(activation, capabilities, false));
    if (copied !== undefined) return copied;
    // No other may be a copy of one that is not started, and yet be taken up where a start ended.
    if (this.#startsEarly) return this.#createBare(activation, false);
    if (!this.#startsInRun) {
      const made = this.#instantiate(activation);
      try {
        await made.instance.start();
        this.#objectBytes = Math.max(this.#objectBytes, activation.objects?.bytes ?? 0);
        return await this.#capture(made, activation);
      } catch (error) {
        made.discard();
        if (!activation.forgive()) throw error;
        // It trapped, perhaps because it asked for a request: then every run starts it anew.
        this.#startsInRun = activation.memoryRefusal?.code !== 'overloaded';
      }
    }
    // Of several cores only the first is there before the start functions have run.
    if (this.loaded.program.cores.length > 1) return this.#createBare(activation, false);
    const made = this.#instantiate(activation);
    try {
      return await this.#capture(made, activation, { isStarted: false });
    } catch (error) {
      made.discard();
      throw error;
    }
  }

  /**
   * A new guest for one run alone, of which no code has run but what the module wants to be called
   * once. Its form is the one without cards where nothing of it is ever put back.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  async createForOnce(activation: Activation, capabilities: EarlyCapabilities): Promise<Guest> {
    const copied = this.#first && (await this.#createInitialised(activation, capabilities, true));
    return copied ?? this.#createBare(activation, true);
  }

  #createBare(activation: Activation, stays: boolean): Guest {
    const held = this.#instantiate(activation, { withCards: false, stays });
    const { instance } = held;
    return new Guest({ instance, snapshot: undefined, isStarted: false, held });
  }

  /**
   * A copy of one that is initialised; where there is none, one that does it. Undefined where the
   * program is not, or cannot be, started before its run.
   */
  async #createInitialised(
    activation: Activation,
    capabilities: EarlyCapabilities,
    stays: boolean,
  ): Promise<Guest | undefined> {
    const first = this.#first;
    if (first === undefined) return undefined;
    await first.waitFor(activation);
    if (first.source !== undefined) return await this.#copy(first.source, activation, stays);
    if (this.#first === undefined) return undefined;
    const end = first.begin();
    try {
      return this.#startsEarly
        ? await this.#startOnce(activation, capabilities, stays)
        : await this.#initialise(activation, capabilities, stays);
    } finally {
      end();
    }
  }

  /** On the budget of the run that comes first: it has all of it again afterwards. */
  async #initialise(
    activation: Activation,
    capabilities: EarlyCapabilities,
    stays: boolean,
  ): Promise<Guest> {
    const made = this.#instantiate(activation, { stays });
    try {
      const { all } = made.instance.memories;
      const lengthsMin = (await follow(activation, FirstState.measure(all))) as readonly number[];
      await made.instance.initialise(capabilities);
      this.#objectBytes = Math.max(this.#objectBytes, activation.objects?.bytes ?? 0);
      const guest = await this.#capture(made, activation, { lengthsMin });
      activation.renewBudget();
      return guest;
    } catch (error) {
      made.discard();
      throw explainEarlyEnd(activation, error, this.loaded.program.initialise);
    }
  }

  /** The same for a start; undefined: it belongs to this run, or to each from now on. */
  async #startOnce(
    activation: Activation,
    capabilities: EarlyCapabilities,
    stays: boolean,
  ): Promise<Guest | undefined> {
    const { program } = this.loaded;
    const { early: rules } = this.abi;
    const instantiate = () => this.#instantiate(activation, { stays, early: 'starts' });
    let made: MadeInstance | undefined;
    try {
      const options = rules && { program, rules, capabilities, instantiate };
      const started = options && (await startOnce(activation, options));
      made = started?.made;
      if (started !== undefined && made !== undefined) {
        this.#resume = started.resume;
        return await this.#capture(made, activation, { lengthsMin: started.lengthsMin });
      }
    } catch (error) {
      made?.discard();
      const isCrowded = error instanceof TerrafirmaError && error.code === 'overloaded';
      if (!isCrowded && (error instanceof TerrafirmaError || !activation.forgive())) throw error;
      // Where there is no room for two starts now, there may be later; a run needs room for one.
      if (isCrowded || activation.memoryRefusal?.code === 'overloaded') {
        activation.renewBudget();
        return undefined;
      }
    }
    this.#startsEarly = false;
    this.#first = undefined;
    return undefined;
  }

  async #copy(source: GuestInstance, activation: Activation, stays: boolean): Promise<Guest> {
    // Taken before anything is given up for the copy, such as the source.
    const { first: state } = this.#shared;
    if (state === undefined) throw new TypeError('Cannot copy an instance without its first state');
    const made = this.#instantiate(activation, { stays, bytesMin: this.#physicalBytes });
    const { instance } = made;
    if (this.#resume !== undefined) instance.early?.resumeWith(this.#resume);
    let ending: Discarding = made;
    try {
      const held = await this.#hold(made, state, activation, () => {
        instance.copyState(source, this.#first?.movers ?? [], state.memoryBytes);
        instance.charge.set(this.bytesWith(instance.physicalBytes));
      });
      ending = held.held;
      await follow(activation, held.snapshot.fill());
      return new Guest({ instance, isStarted: true, ...held });
    } catch (error) {
      ending.discard();
      throw error;
    }
  }

  /** What one more guest holds, as far as that is known. */
  get guestBytes(): number {
    return this.bytesWith(this.#physicalBytes);
  }

  /** What an instance holds that has so much memory now. */
  bytesWith(physicalBytes: number): number {
    return physicalBytes + this.#partsBytes + this.#objectBytes;
  }

  /** Takes in what a clean run told; undefined where nobody measured it. */
  learn(run: RunFacts | undefined): void {
    this.#parts.stock.counts.restored += 1;
    if (run === undefined) {
      this.record.count();
      return;
    }
    this.record.add(run, this.#mode);
    if (!this.record.isDue || this.#parts.fixedMode !== undefined) return;
    const measured = this.record.review(run.memoryBytes);
    const possible = { cards: this.#hasCards, copyOnWrite: this.#canMap };
    this.#mode = chooseRestoreMode(this.#mode, measured, possible);
  }

  /** The program is not wanted any more; its guests have been given up. */
  close(): void {
    this.#isClosed = true;
    this.#shared.closePages();
  }

  get #hasCards(): boolean {
    return this.loaded.program.cores.some(
      ({ cardsModule, engine }) => cardsModule !== undefined && engine.cards?.cards !== undefined,
    );
  }

  /** Takes the first state, if the program can be brought back to it. */
  async #capture(
    made: MadeInstance,
    waiting: Activation,
    { isStarted = true, lengthsMin = [] }: CaptureOptions = {},
  ): Promise<Guest> {
    const { instance } = made;
    // What the owner may not have now others may, and so may the owner later.
    if (!this.#isRestorable || waiting.memoryRefusal?.code === 'overloaded') {
      return new Guest({ instance, snapshot: undefined, isStarted, held: made });
    }
    instance.captureState();
    this.#physicalBytes = instance.physicalBytes;
    instance.charge.set(this.guestBytes);
    const filled = this.#first === undefined ? filledBytesOf(instance, this.loaded) : undefined;
    const steps = this.#shared.take(instance.memories.all, { lengthsMin, filled });
    const first = (await follow(waiting, steps)) as FirstState;
    return new Guest({ instance, isStarted, ...(await this.#hold(made, first, waiting)) });
  }

  /**
   * Keeps `first` for as long as there is the instance, which `prepare` brings to that state.
   * Where this rejects the instance is still to be discarded.
   */
  async #hold(
    made: MadeInstance,
    first: FirstState,
    waiting: Activation,
    prepare?: () => void,
  ): Promise<{ readonly snapshot: Snapshot; readonly held: HeldState }> {
    const { instance } = made;
    const isShared = this.#shared.isShared(first);
    const held = new HeldState(made, this.#first, isShared ? this.#shared : undefined);
    if (!isShared) instance.charge.addImage(first.byteLength);
    try {
      prepare?.();
      const maps = this.#mode === 'copy-on-write';
      const steps = isShared && maps ? this.#openPages(first) : undefined;
      const pages = steps === undefined ? [] : ((await follow(waiting, steps)) as PageImages);
      const { all: memories, marks } = instance.memories;
      const snapshot = new Snapshot({ memories, first, marks, pages });
      if (maps && snapshot.mode === 'copy') this.#giveUpMapping();
      return { snapshot, held };
    } catch (error) {
      // The run ended before the pages were there, or there is no room for a copy.
      held.letGo();
      throw error;
    }
  }

  *#openPages({ images }: FirstState): Steps<PageImages> {
    const pages: (PageImage | undefined)[] = [];
    for (const [memory, image] of images.entries()) {
      const isMapped = memory === 0 || image.length >= mappedBytesMin;
      pages.push(isMapped ? yield* this.#shared.openPages(memory) : undefined);
    }
    return pages;
  }

  /** No FFI, no memory file, no mapping: it will not be any better the next time. */
  #giveUpMapping(): void {
    this.#canMap = false;
    this.#mode = 'copy';
  }

  #instantiate(activation: Activation, options: Partial<MakingOptions> = {}): MadeInstance {
    const withCards = this.#mode === 'cards';
    const early = this.#startsEarly ? 'copies' : undefined;
    return this.#maker.make(activation, { withCards, firstFuel: this.fuel, early, ...options });
  }
}
