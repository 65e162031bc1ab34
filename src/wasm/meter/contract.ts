/**
 * THE CONTRACT between a metered module and the engine that runs it.
 *
 * A metered module is the original with things appended. Every original index, export, import and
 * name still means what it meant, with three exceptions: memories are imports, the start section
 * is an export, custom sections other than `name` are gone.
 *
 * Instantiation
 *  1. For every entry of `memories`, in order, make `new WebAssembly.Memory` with exactly
 *     `pagesMin` and `pagesMax` (64 KiB pages; `address: 'i64'` and bigints where `is64`), all
 *     bytes zero, and offer it under `module` / `name` beside the ABI's imports. (A memory that
 *     comes from elsewhere with another size: write its pages to `names.memorySizes[i]` after 3.)
 *  2. Where `cards` is set, offer the thread's card memory (`pages` minimum and maximum) too.
 *  3. Instantiate: no guest code runs. Then write functions into the table export `names.host`:
 *     slot i gets that of `hostSlots[i]`, of the type that `hostSlotFaces` says, as far as the
 *     table goes. Before that any hostcall of the meter traps.
 *  4. Set the i32 global export `names.fuel` (> 0) and, where the module has it, `names.heap`
 *     (0: it asks `allocate` first).
 *     A core of a program gets its links beside the ABI's imports, and host functions of its own:
 *     each core counts its own fuel. The host grows a memory that cores share: `growMemory` answers
 *     1 once the memory has that size and `memorySizes` of all other cores say so.
 *  5. `names.keep?.(0)`: from here on `names.keep?.(1)` brings this state back.
 *  6. Where `names.start` is set, call it before the first entry, under the same rules as any
 *     entry (whether once before step 5, or in every run, is the engine's choice).
 *
 * Host functions (slots of the table), all plain functions except `pause`
 *  - `check(remaining: i32): i32`: called when fuel fell below zero; `-remaining` was overdrawn.
 *    Answers the next fuel (> 0: go on), 0 (end the guest: the module executes `unreachable`,
 *    which no guest can catch) or -1 (call `pause`). It may throw a kept trap object to the same
 *    end; a plain JavaScript error would be caught by `catch_all`.
 *  - `pause(): i32`: the suspending one (`new WebAssembly.Suspending`); its value is read like
 *    that of `check`, where anything below 1 ends the guest. Never answer -1 from `check` when
 *    JavaScript frames lie below the guest (a hostcall that called the guest's allocator).
 *  - `growMemory(memory: i32, pages: i32): i32`: may memory number `memory` have `pages` pages in
 *    all? 1 or 0. The module bounds `pages` by `pagesMax` itself and grows the memory afterwards,
 *    where it has not that size already. Views over `buffer` may be stale after any guest call.
 *  - `growTable(table: i32, entries: i32): i32`: the same for tables. A table cannot shrink:
 *    after answering 1 the instance must not be restored, only discarded.
 *  - `allocate(bytes: i32): i32`: `names.heap` is used up, and so many bytes are wanted beyond it.
 *    Answers by how much it rises: at least `bytes`; less ends the guest by `unreachable`.
 *
 * Fuel
 *  - One unit is about one instruction, never counted too low by more than a bounded amount: an
 *    activation may return without paying only on paths without loops, calls and materialised
 *    work and of at most `freeWeightMax` units, which whoever called it has paid for. Where the
 *    host calls an export nobody has, and nobody needs to: it does so once a run, and in
 *    hostcalls, which the guest paid `callWeight` for and whose time the engine counts.
 *  - Work not yet in `names.fuel`: at most about `residueMax` units an activation on the stack.
 *  - Consumption of a run is the sum of fuel given, less what is left in the global.
 *
 * Restoring, after a run that returned or that a hostcall of the ABI ended as a success, such as
 * `proc_exit(0)`: it happens inside a hostcall, so every store before it is done and has marked its
 * card. Never after a trap, an exception, another exit or a rejected promise of any other kind.
 *  - `restorable` is true, or says why an instance serves one run only.
 *  - Call `names.keep(1)`: globals (exact bits), tables, virtual memory sizes, dropped
 *    segments. It is not metered. Then put back memory: all bytes of the physical memory equal
 *    to the first state, bytes beyond the first size zero. With cards: card k of memory 0 (a byte,
 *    non-zero is marked) stands for bytes [512 k, 512 (k + 1) + 144); clear it when restored.
 *    Memories other than memory 0 have no cards. Host writes mark cards themselves.
 *  - `memory.size` answers a virtual size kept in a global: physical memory never shrinks. Loads
 *    and stores between the virtual and the physical size do not trap: the one deviation. So an
 *    instance that has grown serves no other site.
 *  - `names.memorySizes[i]` exports the global holding the pages (i32, or i64 for `is64`) that the
 *    guest believes memory i has. Hostcalls check pointers against it, and a host that grows a
 *    memory for the guest writes it.
 */

import type { OffsetMap } from '../offsets.ts';

/** Slots of the host table, in order: those that most modules need first. */
export const hostSlots = ['check', 'pause', 'growMemory', 'growTable', 'allocate'] as const;

export type HostSlot = (typeof hostSlots)[number];

export interface HostSlotFace {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

const one = { params: ['i32'], results: ['i32'] };
const two = { params: ['i32', 'i32'], results: ['i32'] };

export const hostSlotFaces: Readonly<Record<HostSlot, HostSlotFace>> = {
  check: one,
  pause: { params: [], results: ['i32'] },
  growMemory: two,
  growTable: two,
  allocate: one,
};

/** Largest weight of a path that may return without paying. */
export const freeWeightMax = 23;

/** What a call costs its caller: it pays the callee's free path. */
export const callWeight = freeWeightMax + 1;

/**
 * Local counters of loops are paid into fuel when they reach this: before that nobody looks at the
 * clock, and each round may touch a page for the first time (2 µs).
 */
export const localQuantum = 4096;

/** Around calls they are paid when they reach this: deep stacks must not pile up unpaid work. */
export const callQuantum = 2048;

/** Bound of the unpaid work of one activation at the moment it calls another. */
export const residueMax = 3 * callQuantum;

/** Bytes a card stands for: what lies beside a store is put back with it. */
export const cardBytes = 512;
export const cardBytesLog2 = Math.log2(cardBytes);

/** The most a store writes. */
export const storedBytesMax = 16;

/**
 * Bytes behind a card that it stands for as well: one mark may stand for several stores (see
 * marked-places.ts), and a store may cross its edge.
 */
export const cardOverlapBytes = 128 + storedBytesMax;

/** Of a memory: what lies before `from` and from `to` on is zero. */
export interface FilledBytes {
  readonly from: number;
  readonly to: number;
}

export interface MemoryPlan {
  readonly module: string;
  readonly name: string;
  readonly pagesMin: number;
  readonly pagesMax: number;
  readonly is64: boolean;
  /** The original imports it too, under the same names. */
  readonly isOriginalImport: boolean;
  /** What the module's own segments fill before code runs; undefined where they do not say. */
  readonly filled?: FilledBytes | undefined;
}

export interface CardPlan {
  readonly module: string;
  readonly name: string;
  readonly pages: number;
}

export interface MeteredNames {
  /** Table 0, where the module has one: what ABIs reach. */
  readonly table: string | undefined;
  readonly fuel: string;
  readonly host: string;
  /**
   * Bytes of V8's own heap that a run may take before it asks for more (i32 global): objects,
   * exceptions, entries of tables. Absent where the module takes none.
   */
  readonly heap: string | undefined;
  readonly start: string | undefined;
  /** The function (i32) -> () that captures the state (0), and puts it back (1). */
  readonly keep: string | undefined;
  readonly memorySizes: readonly string[];
  /**
   * Where `keep` has its globals; written, they are what it brings back. Undefined where
   * nobody asked for them, and where there is state that cannot be copied to another instance:
   * references, and tables that change. See mover.ts.
   */
  readonly state: readonly StateGlobal[] | undefined;
  /** Where a program's start can be done once; see `EarlyPlan`. */
  readonly early?: EarlyNames | undefined;
}

export interface EarlyNames {
  /** The function () -> () that takes the program up. */
  readonly resume: string;
  /** The i32 global that is not 0 once a watched call has happened. */
  readonly watched: string;
  /** The i32 global that is 1 while a start is done that enters none of `EarlyPlan.stops`. */
  readonly starting: string | undefined;
  /** The i32 global that says the index of the one that it ended in. */
  readonly stopped: string | undefined;
}

/** Calls of a function of `callees` in any function that is none of `exempt`; indices. */
export interface WatchedCalls {
  readonly callees: ReadonlySet<number>;
  readonly exempt: ReadonlySet<number>;
}

/** What of a program makes that its start can be done once, before any request. */
export interface EarlyPlan {
  /** Index of the function () -> () that takes the program up where it stood in a hostcall. */
  readonly resume: number;
  /** What would be the same for all requests. */
  readonly watched: WatchedCalls;
  /** Functions that look at what is each request's own; indices. Left out: none is known. */
  readonly stops?: ReadonlySet<number> | undefined;
}

/** In a Go program (go/told.ts): addresses of slices, and the place of a function. */
export interface GoToldPlaces {
  /** Of `os.Args`. */
  readonly argumentsAt: number;
  /** Of `syscall.envs`. */
  readonly environmentAt: number;
  /** Of `syscall.Getenv(key string) (value string, found bool)`. */
  readonly lookup: number;
  /** Whether its start may copy the first argument: package flag does. */
  readonly copiesArgument: boolean;
}

/** An exported global; `type` is the byte of its value type. */
export interface StateGlobal {
  readonly name: string;
  readonly type: number;
}

/** An import of a program's core that is an export of a core before it; see program.ts. */
export interface Link {
  readonly module: string;
  readonly name: string;
  /** Number of the core that has it. */
  readonly core: number;
  readonly export: string;
}

export type Restorable = true | { readonly reason: string };

export interface MeteredModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly names: MeteredNames;
  readonly memories: readonly MemoryPlan[];
  readonly cards: CardPlan | undefined;
  readonly restorable: Restorable;
  /** Tables whose entries may change after the first state was taken, imported ones too. */
  readonly changedTables: readonly number[];
  /** Of all tables in an instance's first state. */
  readonly tableEntries: number;
  /** What an instance takes beside its memories and those entries. */
  readonly instanceBytes: number;
  /** Where its code stands in the original: for what a trap tells. */
  readonly offsets: OffsetMap;
}
