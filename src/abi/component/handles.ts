/**
 * The handles of one component instance: small numbers for what it owns and borrows, of all kinds
 * together (component-model, CanonicalABI.md, "Table State" and "Resource State"). Freed numbers
 * are given out again, the last first: guests may count on that.
 */

/** What the host has made for a guest. What depends on another must be dropped before it. */
export abstract class HostResource {
  declare private parent: HostResource | undefined;
  declare private children: number;

  // On the prototype until there are any: most have neither, and fields that thirty classes inherit
  // cost each new object more than its own.
  static {
    HostResource.prototype.parent = undefined;
    HostResource.prototype.children = 0;
  }

  /** Whether something that depends on it is still there. */
  get hasChildren(): boolean {
    return this.children > 0;
  }

  /** `child` depends on this one from now on. */
  adopt<T extends HostResource>(child: T): T {
    child.parent = this;
    this.children += 1;
    return child;
  }

  /** The guest has it no more, or the run is over. Never throws. */
  drop(): void {
    if (this.parent === undefined) return;
    this.parent.children -= 1;
    this.parent = undefined;
  }
}

/** A resource of a guest is known to the host by a number. */
export type Representation = HostResource | number;

export interface Handle {
  /** Which resource type; see `PlannedResource.identity`. */
  readonly type: number;
  readonly value: Representation;
  /** The call that it was borrowed for; undefined: it is owned. */
  readonly borrowedBy: Borrowing | undefined;
  /** Calls under way that it is lent to. */
  lentCount: number;
}

/** What is lent for as long as one call between components lasts. */
export class Borrowing {
  /** Handles that the callee has to drop before it returns. */
  #kept = 0;
  #lent: Handle[] | undefined;

  get isKept(): boolean {
    return this.#kept > 0;
  }

  keep(): void {
    this.#kept += 1;
  }

  giveBack(): void {
    this.#kept -= 1;
  }

  lend(handle: Handle): void {
    handle.lentCount += 1;
    this.#lent ??= [];
    this.#lent.push(handle);
  }

  /** The call is over: the caller may do with its handles what it likes. */
  end(): void {
    if (this.#lent !== undefined) for (const handle of this.#lent) handle.lentCount -= 1;
  }
}

/**
 * A handle and what it names: a response without fields takes 290 bytes of V8's heap (measured),
 * one with a stream more. Bodies are counted where they are kept.
 */
const handleBytes = 512;
/** So many are put on the account together: few runs have as many. */
const handlesPerHold = 64;

/** In place of a resource type, of which none has this number. */
const taskType = 0;

/** The guest whose handles they are. */
export interface HandleOwner {
  /** Ends the run. */
  trap(reason: string): never;
  /** Takes bytes on the account of the run until its end; left out: nobody counts. */
  tryHold?(bytes: number): boolean;
}

export class HandleTable {
  readonly #owner: HandleOwner;
  readonly #handlesMax: number;
  /** Both grow in each run, and are emptied rather than made anew. */
  readonly #handles: (Handle | undefined)[] = [undefined];
  readonly #free: number[] = [];

  constructor(owner: HandleOwner, handlesMax: number) {
    this.#owner = owner;
    this.#handlesMax = handlesMax;
  }

  /** A new number for `value`. Traps past the limit. */
  add(type: number, value: Representation, borrowedBy?: Borrowing): number {
    const handle: Handle = { type, value, borrowedBy, lentCount: 0 };
    borrowedBy?.keep();
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#handles[free] = handle;
      return free;
    }
    if (this.#handles.length > this.#handlesMax) {
      return this.#owner.trap(
        `Cannot give a handle: at most ${this.#handlesMax} at once: received more`,
      );
    }
    const isDue = this.#handles.length % handlesPerHold === 0;
    if (isDue && this.#owner.tryHold?.(handlesPerHold * handleBytes) === false) {
      const rule = 'there must be memory for what it names';
      return this.#owner.trap(
        `Cannot give a handle: ${rule}: received handle ${this.#handles.length}`,
      );
    }
    return this.#handles.push(handle) - 1;
  }

  /** A new number for something of a task's, such as a set of what it waits for. */
  addForTask(value: HostResource): number {
    return this.add(taskType, value);
  }

  /** What `index` names, of that class. Traps where it is not. */
  find<T extends HostResource>(index: number, wanted: abstract new (...args: never[]) => T): T {
    const { value } = this.get(index, taskType);
    // Which class is asked for varies: V8 takes longer for `instanceof` then than for all the rest.
    if (value.constructor === wanted || value instanceof wanted) return value as T;
    const rule = 'it must name what is asked for';
    return this.#owner.trap(
      `Cannot use handle ${index >>> 0}: ${rule}: received one of another kind`,
    );
  }

  /** Something of a task's, found before, is gone from here. */
  remove(index: number): void {
    this.drop(index, taskType);
  }

  /** What `index` names, which must be of that type. Traps where it is not. */
  get(index: number, type: number): Handle {
    const handle = this.#handles[index >>> 0];
    if (handle !== undefined && handle.type === type) return handle;
    const received = handle === undefined ? 'one that names nothing' : 'one of another kind';
    return this.#owner.trap(
      `Cannot use handle ${index >>> 0}: it must name what is asked for: received ${received}`,
    );
  }

  /** The same, and the handle is gone: whoever asks owns what it named. */
  take(index: number, type: number): Handle {
    const { value } = this.get(index, type);
    if (typeof value === 'object' && value.hasChildren) {
      return this.#refuse(index, 'what was made of it is dropped first', 'one with children');
    }
    return this.move(index, type);
  }

  /** The same for another component: what depends on it goes on doing so. */
  move(index: number, type: number): Handle {
    const handle = this.get(index, type);
    if (handle.borrowedBy === undefined) return this.drop(index, type);
    return this.#refuse(index, 'only what is owned is given away', 'one that is borrowed');
  }

  /** The handle is gone, owned or borrowed. */
  drop(index: number, type: number): Handle {
    const handle = this.get(index, type);
    if (handle.lentCount > 0) {
      return this.#refuse(index, 'calls that it is lent to end first', 'one that is lent');
    }
    this.#handles[index >>> 0] = undefined;
    this.#free.push(index >>> 0);
    return handle;
  }

  #refuse(index: number, rule: string, received: string): never {
    return this.#owner.trap(`Cannot give up handle ${index >>> 0}: ${rule}: received ${received}`);
  }

  /** The run is over: the host gives up what is left. */
  clear(): void {
    while (this.#free.pop() !== undefined);
    while (this.#handles.length > 1) {
      const handle = this.#handles.pop();
      if (handle?.borrowedBy === undefined && typeof handle?.value === 'object') {
        handle.value.drop();
      }
    }
  }
}
