/**
 * The way into guests, one for a thread: calls an entry on a stack that can be suspended, and tells
 * whether it has come back at once, as most do. What V8 gives for such a call is a promise in any
 * case, which settles no sooner than when all else that is ready has had its turn. So a module of
 * ours stands between: it calls the entry, and behind that says in a memory which call has ended.
 */
import type { Binding, CallEntry, GuestFunction, HostcallResult, WasmValue } from '../abi/abi.ts';
import { type EntryRoom, EntryShape, type EntryTypes } from './entry-shape.ts';

type Answer = HostcallResult | Promise<HostcallResult>;

/** By the number of parameters; what kits give such an entry comes first. */
const resultsOf: readonly (readonly boolean[])[] = [
  [false, true],
  [true, false],
  [false, true],
  [true, false],
];

/** Places that are added when all are taken. */
const placesAdded = 64;
/** No call has this number. */
const noCall = 0;
const callMax = 0x7fff_ffff;

/** The entry of one instance. */
export interface Door {
  /** Undefined: it has returned. Rejects when the guest trapped or was ended. */
  enter(): Promise<unknown> | undefined;
  /**
   * The same as an attempt, on the stack of the thread; a promise where it waits, and so was none.
   * Left out: there are none.
   *
   * @throws when the guest trapped or was ended
   */
  attempt?(): Promise<unknown> | undefined;
  /** Whether `enter` is undefined whenever the guest has returned without being suspended. */
  readonly tellsEnd: boolean;
  /** The instance is gone: nothing keeps it. */
  close(): void;
}

export class Entrance {
  readonly #room: EntryRoom = {
    entries: new WebAssembly.Table({ element: 'anyfunc', initial: 0 }),
    memory: new WebAssembly.Memory({ initial: 1, maximum: 1 }),
  };
  /** The number of the call that has ended last, and its result. */
  readonly #ended = new Int32Array(this.#room.memory.buffer);
  readonly #shapes = new Map<string, EntryShape>();
  /** By their modules, whether entries have the type that is called here. */
  readonly #known = new WeakMap<WebAssembly.Module, boolean>();
  readonly #free: number[] = [];
  #lastCall = noCall;

  /** The door to `entry`, a function of `module` without parameters; to be closed. */
  open(entry: GuestFunction, module: WebAssembly.Module): Door {
    const shape = this.#shape({ params: 0, hasResult: false });
    const fits = this.#known.get(module) ?? shape.fits(entry);
    this.#known.set(module, fits);
    if (!fits) return openPlain(entry);
    const place = this.take(entry);
    return new PlacedDoor(this, shape, place);
  }

  /** For an instance of which several functions are called; to be closed. */
  openCalls(slot: CalledSlot): EntryCalls {
    return new EntryCalls(this, slot);
  }

  /** Of a function that an instance exports; undefined where it is of none. */
  shapeOf(callee: GuestFunction): EntryShape | undefined {
    const { length: params } = callee;
    for (const hasResult of resultsOf[params] ?? []) {
      const shape = this.#shape({ params, hasResult });
      if (shape.fits(callee)) return shape;
    }
    return undefined;
  }

  /** A place for `entry`, to be left. */
  take(entry: GuestFunction): number {
    if (this.#free.length === 0) this.#grow();
    const place = this.#free.pop() ?? 0;
    this.#room.entries.set(place, entry);
    return place;
  }

  leave(place: number): void {
    this.#room.entries.set(place, null);
    this.#free.push(place);
  }

  /** Calls what is at `place`, which is of that shape. */
  call(shape: EntryShape, place: number, args: readonly WasmValue[] = noValues): Answer {
    this.#lastCall = this.#lastCall === callMax ? noCall + 1 : this.#lastCall + 1;
    // Another guest may be called meanwhile, by a hostcall of this one: by another number.
    const call = this.#lastCall;
    this.#ended[0] = noCall;
    const [a, b, c] = args;
    const ending = shape.enter(place, call, a, b, c);
    if (this.#ended[0] !== call) return ending;
    return shape.hasResult ? this.#ended[1] : undefined;
  }

  /** The same on the thread's own stack, which cannot be suspended. */
  callPlainly(
    shape: EntryShape,
    place: number,
    args: readonly WasmValue[] = noValues,
  ): HostcallResult {
    const [a, b, c] = args;
    return shape.enterPlainly(place, noCall, a, b, c);
  }

  #shape(types: EntryTypes): EntryShape {
    const key = `${types.params} ${types.hasResult}`;
    const known = this.#shapes.get(key) ?? new EntryShape(types, this.#room);
    this.#shapes.set(key, known);
    return known;
  }

  #grow(): void {
    const first = this.#room.entries.grow(placesAdded);
    for (let place = first + placesAdded - 1; place >= first; place -= 1) this.#free.push(place);
  }
}

const noValues: readonly WasmValue[] = [];

/** A function that was called before. */
interface Placed {
  readonly callee: GuestFunction;
  /** Undefined where it has no place. */
  readonly shape: EntryShape | undefined;
  readonly place: number;
  readonly plainly: CallPlainly | undefined;
}

type CallPlainly = (...args: readonly WasmValue[]) => Promise<HostcallResult>;

/** Whose functions are called. */
export interface CalledSlot {
  /** @throws where its run has not the thread */
  onTurn(): unknown;
}

/** The functions of one instance that are called on stacks that can be suspended. */
export class EntryCalls {
  readonly #entrance: Entrance;
  readonly #slot: CalledSlot;
  /** Few: the entry of a component, and what is called when something has come. */
  #placed: readonly Placed[] = [];

  constructor(entrance: Entrance, slot: CalledSlot) {
    this.#entrance = entrance;
    this.#slot = slot;
  }

  /**
   * What `callee` has returned, or a promise of it where it has not yet, which rejects when the
   * guest trapped or was ended.
   *
   * @throws the trap where its run has not the thread
   */
  readonly call: CallEntry = (callee, ...args) => {
    const { shape, place, plainly } = this.#findOnTurn(callee);
    return shape === undefined ? plainly?.(...args) : this.#entrance.call(shape, place, args);
  };

  /** The same of an attempt. */
  readonly attempt: CallEntry = (callee, ...args) => {
    const { shape, place, plainly } = this.#findOnTurn(callee);
    return shape === undefined
      ? plainly?.(...args)
      : this.#entrance.callPlainly(shape, place, args);
  };

  /** Whether all that were called tell their end. */
  get tellEnd(): boolean {
    return this.#placed.every(({ shape }) => shape !== undefined);
  }

  /** The instance is gone: nothing keeps it. */
  close(): void {
    for (const { shape, place } of this.#placed) {
      if (shape !== undefined) this.#entrance.leave(place);
    }
    this.#placed = [];
  }

  #findOnTurn(callee: GuestFunction): Placed {
    this.#slot.onTurn();
    for (const each of this.#placed) if (each.callee === callee) return each;
    const placed = this.#place(callee);
    // Of exactly that length: a list that grows takes room for sixteen more.
    this.#placed = this.#placed.concat(placed);
    return placed;
  }

  #place(callee: GuestFunction): Placed {
    const shape = this.#entrance.shapeOf(callee);
    if (shape !== undefined) {
      return { callee, shape, place: this.#entrance.take(callee), plainly: undefined };
    }
    const plainly = WebAssembly.promising(callee) as CallPlainly;
    return { callee, shape, place: -1, plainly };
  }
}

class PlacedDoor implements Door {
  readonly tellsEnd = true;
  readonly #entrance: Entrance;
  readonly #shape: EntryShape;
  readonly #place: number;

  constructor(entrance: Entrance, shape: EntryShape, place: number) {
    this.#entrance = entrance;
    this.#shape = shape;
    this.#place = place;
  }

  enter(): Promise<unknown> | undefined {
    return this.#entrance.call(this.#shape, this.#place) as Promise<unknown> | undefined;
  }

  attempt(): undefined {
    this.#entrance.callPlainly(this.#shape, this.#place);
  }

  close(): void {
    this.#entrance.leave(this.#place);
  }
}

/** Of a guest whose ABI calls its functions itself. */
export class DoorOfBinding implements Door {
  readonly #binding: Pick<Binding, 'enter' | 'nests'>;
  readonly #calls: EntryCalls;

  constructor(binding: Pick<Binding, 'enter' | 'nests'>, calls: EntryCalls) {
    this.#binding = binding;
    this.#calls = calls;
  }

  get tellsEnd(): boolean {
    return this.#binding.nests !== true && this.#calls.tellEnd;
  }

  enter(): Promise<unknown> | undefined {
    return this.#binding.enter?.(this.#calls.call);
  }

  attempt(): Promise<unknown> | undefined {
    return this.#binding.enter?.(this.#calls.attempt);
  }

  close(): void {
    this.#calls.close();
  }
}

function openPlain(entry: GuestFunction): Door {
  const enter = WebAssembly.promising(entry);
  const close = (): void => undefined;
  return { enter: () => enter() as Promise<unknown>, tellsEnd: false, close };
}
