/**
 * Guests hold numbers, the host holds objects. One table a kind and a run: numbers are never given
 * out twice, so a handle that was consumed can never name another object later. Several kinds may
 * have their numbers in common, where an ABI takes any of them in one place.
 */
import { freeObjects, HeldObjects } from './objects/held-objects.ts';

/** `unknown`: no live object of that number. `full`: the table holds as many as it may. */
export type HandleProblem = 'unknown' | 'full';

/** A guest's mistake with a handle; the ABI answers it with the value its contract names. */
export class HandleError extends Error {
  override readonly name = 'HandleError';
  readonly problem: HandleProblem;

  constructor(problem: HandleProblem, detail: string) {
    super(detail);
    this.problem = problem;
  }
}

export interface HandleTableOptions {
  /** What the handles name, for messages: `pending request`. */
  readonly kind: string;
  readonly firstHandle: number;
  /** How many objects may live at once. */
  readonly handlesMax: number;
  /** On whose account the objects are; left out: nobody counts. */
  readonly holder?: ObjectHolder;
}

export interface ObjectHolder {
  /** Takes bytes on the account of the run until its end. */
  tryHoldObjects(bytes: number): boolean;
}

/** Handles are i32 for the guest, and its error values are negative. */
const handleMax = 0x7fff_ffff;

/** An object and its handle, without bodies, which are counted where they are kept. */
const objectBytes = 512;

const noTables: readonly HandleTable<object>[] = [];

const nothing: readonly never[] = [];

/** Numbers that several tables give out in turn; a handle names an object of one of them. */
export class HandleSpace {
  readonly handlesMax: number;
  #tables: readonly HandleTable<object>[] = noTables;
  readonly #holder: ObjectHolder | undefined;
  /** Made when the first objects, which are free, are not enough. */
  #held: HeldObjects | undefined;
  #next: number;

  /** `handlesMax`: how many objects of all kinds may live at once. */
  constructor(options: Omit<HandleTableOptions, 'kind'>) {
    this.#next = options.firstHandle;
    this.handlesMax = options.handlesMax;
    this.#holder = options.holder;
  }

  /** Whether there is memory for one more than `count`. */
  hasMemory(count: number): boolean {
    const holder = this.#holder;
    if (holder === undefined || count < freeObjects) return true;
    this.#held ??= new HeldObjects(objectBytes, (bytes) => holder.tryHoldObjects(bytes));
    return this.#held.hasRoom(count);
  }

  /** A table of one kind within the space. */
  open<T extends object>(kind: string): HandleTable<T> {
    const table = new HandleTable<T>({ kind, space: this });
    // Of exactly that length: a list that grows takes room for sixteen more.
    this.#tables = this.#tables.concat(table);
    return table;
  }

  /**
   * The object of `handle`, of whichever kind.
   *
   * @throws HandleError `unknown`
   */
  get(handle: number): object {
    for (const table of this.#tables) {
      const object = table.find(handle);
      if (object !== undefined) return object;
    }
    const detail = `Cannot find what it names: no such handle: received ${handle}`;
    throw new HandleError('unknown', detail);
  }

  get size(): number {
    return this.#tables.reduce((sum, table) => sum + table.size, 0);
  }

  get hasNumber(): boolean {
    return this.#next <= handleMax;
  }

  /** For one of its tables, where `hasNumber`. */
  takeNumber(): number {
    const handle = this.#next;
    this.#next += 1;
    return handle;
  }
}

export class HandleTable<T extends object> {
  readonly #kind: string;
  readonly #space: HandleSpace;
  /** Whether its own objects are all that count. */
  readonly #isAlone: boolean;
  /** Made for the first: of ten thousand guests that wait each has several tables. */
  #objects: Map<number, T> | undefined;

  constructor(
    options:
      | (HandleTableOptions & { readonly space?: undefined })
      | { readonly kind: string; readonly space: HandleSpace },
  ) {
    this.#kind = options.kind;
    this.#isAlone = options.space === undefined;
    this.#space = options.space ?? new HandleSpace(options);
  }

  get size(): number {
    return this.#objects?.size ?? 0;
  }

  /**
   * The new handle of `object`.
   *
   * @throws HandleError `full`
   */
  add(object: T): number {
    this.requireRoom();
    const handle = this.#space.takeNumber();
    this.#objects ??= new Map();
    this.#objects.set(handle, object);
    return handle;
  }

  /** @throws HandleError `full` where `add` would */
  requireRoom(): void {
    const { handlesMax } = this.#space;
    const count = this.#isAlone ? this.size : this.#space.size;
    const isWithin = count < handlesMax && this.#space.hasNumber;
    if (isWithin && this.#space.hasMemory(count)) return;
    const rule = isWithin ? 'there must be memory for it' : `at most ${handlesMax} at once`;
    throw new HandleError('full', `Cannot open a ${this.#kind}: ${rule}`);
  }

  /** The object of `handle`, or undefined. */
  find(handle: number): T | undefined {
    return this.#objects?.get(handle);
  }

  /**
   * The object of `handle`, which stays.
   *
   * @throws HandleError `unknown`
   */
  get(handle: number): T {
    const object = this.#objects?.get(handle);
    if (object === undefined) throw this.#unknown(handle);
    return object;
  }

  /**
   * The object of `handle`, which is consumed.
   *
   * @throws HandleError `unknown`
   */
  take(handle: number): T {
    const object = this.get(handle);
    this.#objects?.delete(handle);
    return object;
  }

  /**
   * Forgets `handle`.
   *
   * @throws HandleError `unknown`
   */
  drop(handle: number): void {
    this.take(handle);
  }

  /** Every live object, in order of its handle. */
  values(): Iterable<T> {
    return this.#objects?.values() ?? nothing;
  }

  #unknown(handle: number): HandleError {
    return new HandleError(
      'unknown',
      `Cannot find a ${this.#kind}: no such handle: received ${handle}`,
    );
  }
}
