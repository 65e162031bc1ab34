/**
 * The handles of one component instance: small numbers for what it owns and borrows, of all kinds
 * together (component-model, CanonicalABI.md, "Table State" and "Resource State"). Freed numbers
 * are given out again, the last first: guests may count on that.
 */

/** What the host has made for a guest. What depends on another must be dropped before it. */
export abstract class HostResource {
  #parent: HostResource | undefined;
  #children = 0;

  /** Whether something that depends on it is still there. */
  get hasChildren(): boolean {
    return this.#children > 0;
  }

  /** `child` depends on this one from now on. */
  adopt<T extends HostResource>(child: T): T {
    child.#parent = this;
    this.#children += 1;
    return child;
  }

  /** The guest has it no more, or the run is over. Never throws. */
  drop(): void {
    if (this.#parent !== undefined) this.#parent.#children -= 1;
    this.#parent = undefined;
  }
}

/** A resource of a guest is known to the host by a number. */
export type Representation = HostResource | number;

export interface Handle {
  /** Which resource type; see `PlannedResource.identity`. */
  readonly type: number;
  readonly value: Representation;
}

export class HandleTable {
  readonly #handlesMax: number;
  readonly #trap: (reason: string) => never;
  #handles: (Handle | undefined)[] = [undefined];
  #free: number[] = [];

  constructor(options: {
    readonly handlesMax: number;
    /** Ends the run. */
    readonly trap: (reason: string) => never;
  }) {
    this.#handlesMax = options.handlesMax;
    this.#trap = options.trap;
  }

  /** The new number of `handle`. Traps past the limit. */
  add(handle: Handle): number {
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#handles[free] = handle;
      return free;
    }
    if (this.#handles.length > this.#handlesMax) {
      return this.#trap(`Cannot give a handle: at most ${this.#handlesMax} at once: received more`);
    }
    return this.#handles.push(handle) - 1;
  }

  /** What `index` names, which must be of that type. Traps where it is not. */
  get(index: number, type: number): Handle {
    const handle = this.#handles[index >>> 0];
    if (handle !== undefined && handle.type === type) return handle;
    const received = handle === undefined ? 'one that names nothing' : 'one of another kind';
    return this.#trap(
      `Cannot use handle ${index >>> 0}: it must name what is asked for: received ${received}`,
    );
  }

  /** The same, and the handle is gone: whoever asks owns what it named. */
  take(index: number, type: number): Handle {
    const handle = this.get(index, type);
    if (typeof handle.value === 'object' && handle.value.hasChildren) {
      const rule = 'what was made of it is dropped first';
      return this.#trap(
        `Cannot give up handle ${index >>> 0}: ${rule}: received one with children`,
      );
    }
    this.#handles[index >>> 0] = undefined;
    this.#free.push(index >>> 0);
    return handle;
  }

  /** The run is over: the host gives up what is left. */
  clear(): void {
    if (this.#handles.length === 1) return;
    const left = this.#handles;
    this.#handles = [undefined];
    this.#free = [];
    for (const handle of left.reverse()) {
      if (typeof handle?.value === 'object') handle.value.drop();
    }
  }
}
