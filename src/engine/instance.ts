/**
 * One instance of a program with its binding: makes its cores, links them to each other and to the
 * ABI's hostcalls, and serves one run after another. What it may do is decided by the activation of
 * the run it serves.
 */
import type { Abi, Binding, EarlyCapabilities, GuestFunction, Run } from '../abi/abi.ts';
import type { Hostcall } from '../abi/hostcall.ts';
import type { GuestMemory } from '../abi/memory.ts';
import type { FormFacts, Program, ProgramCore } from '../threads/program.ts';
import type { OffsetMap } from '../wasm/offsets.ts';
import { CoreInstance } from './core-instance.ts';
import type { Crossings } from './crossings.ts';
import { type EarlyEnd, type EarlyRole, EarlySide, type StartGiven } from './early/early-side.ts';
import { type Door, DoorOfBinding, type Entrance } from './entrance.ts';
import { HostFace, type HostFaceOptions } from './host-face.ts';
import { type GuestBehind, HostcallGate } from './hostcall-gate.ts';
import type { MeterHost } from './meter-host.ts';
import type { ProgramHostcalls } from './program-hostcalls.ts';
import { ProgramMemories } from './program-memories.ts';
import type { CoreImport, ProgramShared } from './program-shared.ts';
import { CardMarks, type CardTable, type MarksOwner, ownerOf } from './restore/card-table.ts';
import type { Activation } from './run/activation.ts';
import { RunSlot, type SlotParts } from './run-slot.ts';
import type { CoreMemory, ServingInstance } from './serving.ts';
import type { GuestCharge } from './supply/guest-charge.ts';
import { firstFuel } from './turn/fuel-gauge.ts';
import { pauseWith } from './turn/pause.ts';

/** What all instances of a program have in common. */
export interface InstanceKind {
  readonly program: Program;
  readonly abi: Abi;
  /** The name of the export that a run calls. */
  readonly entry: string;
  readonly meterHost: MeterHost;
  readonly entrance: Entrance;
  readonly crossings: Crossings;
  readonly shared: ProgramShared;
  readonly hostcalls: ProgramHostcalls;
  readonly slotParts: SlotParts;
}

export interface InstanceOptions {
  readonly kind: InstanceKind;
  /** Made for the program, in its order; see memories.ts. */
  readonly memories: readonly WebAssembly.Memory[];
  /** The table for the cards of each memory that is marked; undefined in the forms without. */
  readonly cardTables: readonly (CardTable | undefined)[] | undefined;
  /** What the instance holds of the process. */
  readonly charge: GuestCharge;
  readonly firstFuel: number;
  /** Where the start of the program is done once. */
  readonly early?: EarlyRole | undefined;
}

/** What a reactor wants to be called before anything else. */
export const initializeExport = '_initialize';
/** A command's entry does that itself; called after the other it would do it twice. */
const commandEntry = '_start';

const noCores: readonly CoreInstance[] = [];
const noMarks: readonly undefined[] = [];

export class GuestInstance implements ServingInstance, HostFaceOptions, GuestBehind {
  readonly binding: Binding;
  readonly memories: ProgramMemories;
  readonly charge: GuestCharge;
  readonly offsets: OffsetMap | undefined;
  /** Of a program whose start is done once. */
  readonly early: EarlySide | undefined;
  readonly slot: RunSlot;
  readonly port: HostcallGate;
  readonly #kind: InstanceKind;
  readonly #cardTables: InstanceOptions['cardTables'];
  readonly #firstFuel: number;
  readonly #marksOwner: MarksOwner | undefined;
  #cores: readonly CoreInstance[] = noCores;
  #door: Door | undefined;

  /** Makes the first core; `start` makes the others. No code of the guest runs. */
  constructor(options: InstanceOptions) {
    const { kind, cardTables, memories } = options;
    const { program } = kind;
    this.#kind = kind;
    this.#cardTables = cardTables;
    this.#firstFuel = options.firstFuel;
    this.charge = options.charge;
    const slot = new RunSlot(kind.slotParts);
    this.slot = slot;
    const marks = cardTables?.map((table, number) => {
      const memory = memories[number];
      return table && memory ? new CardMarks(table, memory) : undefined;
    });
    this.#marksOwner = marks && ownerOf(marks);
    this.memories = new ProgramMemories({ slot, memories, marks: marks ?? noMarks });
    const { hostcalls } = kind;
    this.port = new HostcallGate({
      program: hostcalls,
      slot,
      memories: this.memories,
      guest: this,
    });
    const plan = program.component;
    const component = plan === undefined ? undefined : { plan, entry: kind.entry };
    this.binding = kind.abi.bind(new HostFace(this), component);
    const { memories: all, binding } = this;
    const { early: role } = options;
    this.early = role && EarlySide.of({ slot, role, binding, memories: all }, kind.abi.early);
    const [first] = program.cores;
    // Offsets are those of one module: they say nothing about code of another.
    this.offsets = program.cores.length > 1 || !first ? undefined : this.#formOf(first).offsets;
    if (first !== undefined) this.#make(first);
  }

  get mainCore(): number {
    return this.#kind.program.mainCore;
  }

  coreOf(core: number): CoreInstance | undefined {
    return this.#cores[core];
  }

  memoryOf(core: number): GuestMemory | undefined {
    const number = this.#kind.program.cores[core]?.memories[0];
    return number === undefined ? undefined : this.memories.open(number);
  }

  endSlice(): void {
    for (const core of this.#cores) core.endSlice();
  }

  /** Bytes that all memories take now, those included that runs before this one grew. */
  get physicalBytes(): number {
    return this.memories.physicalBytes;
  }

  /** Bytes of all memories as this run sees them. */
  get memoryBytes(): number {
    return this.memories.bytesBeside(-1);
  }

  physicalBytesOf(memory: number): number {
    return this.memories.physicalBytesOf(memory);
  }

  bytesBeside(memory: number): number {
    return this.memories.bytesBeside(memory);
  }

  memoryNumber(core: number, memory: number): number {
    return this.#kind.program.cores[core]?.memories[memory] ?? memory;
  }

  growShared(memory: number, pages: number, asking: CoreMemory): boolean {
    return this.memories.growShared(memory, pages, asking);
  }

  /** The instance serves this run from now on. */
  attach(activation: Activation): void {
    this.slot.activation = activation;
    activation.instance = this;
    activation.serving = this.#kind.crossings.nextServing();
    activation.takeMarks(this.#marksOwner);
    this.memories.forgetSizes();
    for (const core of this.#cores) core.forgetHeap();
  }

  /** The next check comes soon: the pages that the run will touch are not there. */
  limitFuel(): void {
    for (const core of this.#cores) core.limitFuel(firstFuel);
  }

  /** What all cores may still use before their next checks. */
  get fuelLeft(): number {
    let fuel = 0;
    for (const core of this.#cores) fuel += core.fuelLeft;
    return fuel;
  }

  /** The run is over: what still comes for it finds nothing. */
  detach(): void {
    this.slot.activation = undefined;
  }

  begin(run: Run): void {
    this.binding.begin(run);
    this.early?.refresh(run);
  }

  /**
   * Runs the entry. Undefined: it has returned. Rejects when the guest trapped or was ended; the
   * activation knows why.
   */
  callEntry(): Promise<unknown> | undefined {
    this.slot.onTurn();
    this.#door ??= this.#openDoor();
    return this.#door.enter();
  }

  /** Whether `attemptEntry` may be called. */
  get allowsAttempts(): boolean {
    return this.tellsEnd && this.#kind.hostcalls.areAllShared;
  }

  /** On the thread's own stack; see `Door.attempt`. */
  attemptEntry(): Promise<unknown> | undefined {
    this.slot.onTurn();
    return this.#door?.attempt?.();
  }

  /**
   * Whether the thread is let go of, or the run over, when `callEntry` returns: as far as is known,
   * which is after the first call.
   */
  get tellsEnd(): boolean {
    return this.#door?.tellsEnd === true;
  }

  /**
   * Runs what the program wants to be run before its entry, as part of the present run, if there is
   * one: the start function of each core before the next core is made, because that may ask for
   * what the function has done. Others have their turns between two cores. Rejects like
   * `callEntry`.
   */
  async start(): Promise<void> {
    const { program, entry } = this.#kind;
    for (const [number, core] of program.cores.entries()) {
      const made = this.#cores[number] ?? this.#make(core);
      await this.#callPlainly(made.start);
      const activation = number > 0 ? this.slot.activation : undefined;
      if (activation?.looksOverdue() === true) await pauseWith(activation, undefined);
    }
    // A component's own core modules call what they want to be called.
    if (program.component !== undefined) return;
    if (entry === commandEntry && program.initialise === undefined) return;
    await this.#callPlainly(this.#cores[program.mainCore]?.exportedFunction(initializeExport));
  }

  /** Starts the program, and calls what it wants to be called once, before any request. */
  async initialise(capabilities: EarlyCapabilities): Promise<void> {
    const { program } = this.#kind;
    this.binding.prepare?.(capabilities);
    try {
      await this.start();
      const name = program.initialise ?? '';
      await this.#callPlainly(this.#cores[program.mainCore]?.exportedFunction(name));
    } finally {
      this.binding.release();
    }
  }

  /** Starts the program before any request, up to where it asks for one; see engine/early. */
  async startEarly(given: StartGiven): Promise<EarlyEnd> {
    const [core] = this.#cores;
    if (this.early === undefined || core === undefined) {
      throw new TypeError('Cannot start the program early: its ABI has no such starts');
    }
    return await this.early.start(core, this.#kind.entry, given);
  }

  /**
   * Takes over the state of `source` but for the memories' contents, in place of starting anew;
   * `movers` has a module for each core.
   *
   * @param memoryBytes Of each memory in that state.
   */
  copyState(
    source: GuestInstance,
    movers: readonly WebAssembly.Module[],
    memoryBytes: readonly number[],
  ): void {
    for (const core of this.#kind.program.cores.slice(this.#cores.length)) this.#make(core);
    this.memories.growTo(memoryBytes);
    for (const [number, core] of this.#cores.entries()) {
      const from = source.#cores[number];
      const mover = movers[number];
      if (from !== undefined && mover !== undefined) core.copyState(from, mover);
    }
    this.memories.clearMarks();
  }

  /**
   * From here on `restoreState` brings this state back. Clears the cards: this is no change. What a
   * start function took of the heap is garbage, because no state that comes back holds objects.
   */
  captureState(): void {
    for (const core of this.#cores) core.capture();
    this.memories.clearMarks();
    this.slot.activation?.objects?.close();
    for (const core of this.#cores) core.forgetHeap();
  }

  /** Puts back everything but the memories: each core what it defines. */
  restoreState(): void {
    for (const core of this.#cores) core.restore();
  }

  /** The instance serves no other run. */
  discard(): void {
    this.#door?.close();
    this.#door = undefined;
    this.memories.discard();
  }

  /** Calls an export of no parameters on a stack that can be suspended. */
  async #callPlainly(callee: GuestFunction | undefined): Promise<void> {
    if (callee?.length !== 0) return;
    this.slot.onTurn();
    await WebAssembly.promising(callee)();
  }

  #make(core: ProgramCore): CoreInstance {
    const { hostcalls } = this.#kind;
    try {
      return this.#makeLinked(core);
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError) || !hostcalls.areShared) throw error;
      // Types of functions that stand in a group with others fit none of ours.
      hostcalls.areShared = false;
      return this.#makeLinked(core);
    }
  }

  #makeLinked(core: ProgramCore): CoreInstance {
    const number = this.#cores.length;
    const { meterHost, shared } = this.#kind;
    const firstFuel = this.#firstFuel;
    const module = this.#cardTables === undefined ? core.module : (core.cardsModule ?? core.module);
    const form = this.#formOf(core);
    const connect = (hostTable: WebAssembly.Table): void => meterHost.connect(hostTable, number);
    const made = shared.lend(module, number, ({ wanted, values }) => {
      this.#linkHostcalls(values, wanted, number);
      this.#linkCores(values, core);
      this.#linkMemories(values, core, form);
      return new CoreInstance({ module, form, imports: values, connect, firstFuel });
    });
    this.memories.join(number, core.memories, made.openSizes());
    // Of exactly that length: a list that grows takes room for sixteen more.
    this.#cores = this.#cores.concat(made);
    return made;
  }

  #formOf(core: ProgramCore): FormFacts {
    const { metered, cards } = core.engine;
    return this.#cardTables === undefined ? metered : (cards ?? metered);
  }

  #linkHostcalls(imports: WebAssembly.Imports, wanted: readonly CoreImport[], core: number): void {
    const { hostcalls } = this.#kind;
    const known = hostcalls.of(wanted, core, (one) => this.openHostcall(one));
    for (const { hostcall, wanted: each } of known) {
      const shared = hostcalls.areShared ? hostcall.shared : undefined;
      offer(imports, each, shared ?? hostcalls.openFor(this.port, hostcall));
    }
  }

  /** A hostcall of this instance; undefined where there is no such. */
  openHostcall(wanted: CoreImport): Hostcall | undefined {
    return (this.early ?? this.binding).hostcall(wanted);
  }

  /** Exports of cores before: functions are called without the host in between. */
  #linkCores(imports: WebAssembly.Imports, { links }: ProgramCore): void {
    for (const link of links) {
      const exported = this.#cores[link.core]?.exports[link.export];
      if (exported !== undefined) offer(imports, link, exported as WebAssembly.ImportValue);
    }
  }

  #linkMemories(imports: WebAssembly.Imports, core: ProgramCore, form: FormFacts): void {
    for (const [index, plan] of form.memories.entries()) {
      const memory = this.memories.all[core.memories[index] ?? -1];
      if (memory !== undefined) offer(imports, plan, memory);
    }
    const table = this.#cardTables?.[core.memories[0] ?? -1];
    if (form.cards !== undefined && table !== undefined) offer(imports, form.cards, table.memory);
  }

  #openDoor(): Door {
    const { program, entrance, entry } = this.#kind;
    const { binding } = this;
    const calls = binding.enter && entrance.openCalls(this.slot);
    if (calls !== undefined) return new DoorOfBinding(binding, calls);
    const core = this.#cores[program.mainCore];
    const found = (core && this.early?.entryOf(core)) ?? core?.exportedFunction(entry);
    if (core !== undefined && found !== undefined) return entrance.open(found, core.module);
    return this.slot.endTrapped(`the module has no export ${entry}`);
  }
}

function offer(
  imports: WebAssembly.Imports,
  { module, name }: { readonly module: string; readonly name: string },
  value: WebAssembly.ImportValue,
): void {
  imports[module] ??= Object.create(null);
  const names = imports[module];
  if (names !== undefined) names[name] = value;
}
