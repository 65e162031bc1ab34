/**
 * Guests hold numbers, the host holds objects. One table a kind and a run: numbers are never given
 * out twice, so a handle that was consumed can never name another object later.
 */

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
}

/** Handles are i32 for the guest, and its error values are negative. */
const handleMax = 0x7fff_ffff;

export class HandleTable<T extends object> {
  readonly #options: HandleTableOptions;
  readonly #objects = new Map<number, T>();
  #next: number;

  constructor(options: HandleTableOptions) {
    this.#options = options;
    this.#next = options.firstHandle;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** The new handle of `object`. Throws HandleError `full`. */
  add(object: T): number {
    const { kind, handlesMax } = this.#options;
    if (this.#objects.size >= handlesMax || this.#next > handleMax) {
      throw new HandleError('full', `Cannot open a ${kind}: at most ${handlesMax} at once`);
    }
    const handle = this.#next;
    this.#next += 1;
    this.#objects.set(handle, object);
    return handle;
  }

  /** The object of `handle`, which stays. Throws HandleError `unknown`. */
  get(handle: number): T {
    const object = this.#objects.get(handle);
    if (object === undefined) throw this.#unknown(handle);
    return object;
  }

  /** The object of `handle`, which is consumed. Throws HandleError `unknown`. */
  take(handle: number): T {
    const object = this.get(handle);
    this.#objects.delete(handle);
    return object;
  }

  /** Forgets `handle`. Throws HandleError `unknown`. */
  drop(handle: number): void {
    this.take(handle);
  }

  /** Every live object, in order of its handle. */
  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  #unknown(handle: number): HandleError {
    const { kind } = this.#options;
    return new HandleError('unknown', `Cannot find a ${kind}: no such handle: received ${handle}`);
  }
}
