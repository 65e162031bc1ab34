/**
 * What a guest waits for: things that will have an event for it, and sets of them (component-model,
 * CanonicalABI.md, "Waitable State"). An event may come at any time; what it brings crosses into
 * the guest when the guest takes it, because only then it is the guest's turn.
 */
import { HostResource } from '../handles.ts';

export const eventCodes = {
  none: 0,
  subtask: 1,
  streamRead: 2,
  streamWrite: 3,
  futureRead: 4,
  futureWrite: 5,
  taskCancelled: 6,
} as const;

/** Its code, the handle that it is about, and what it says of it. */
export type GuestEvent = readonly [code: number, handle: number, payload: number];

export const noEvent: GuestEvent = [eventCodes.none, 0, 0];
export const cancelledEvent: GuestEvent = [eventCodes.taskCancelled, 0, 0];

export abstract class Waitable extends HostResource {
  readonly #onEvent: () => void;
  #event: (() => GuestEvent) | undefined;
  #set: WaitableSet | undefined;
  /** A call of the guest waits for this one alone. */
  isAwaited = false;

  /** @param onEvent Told whenever there is something to take. */
  constructor(onEvent: () => void) {
    super();
    this.#onEvent = onEvent;
  }

  get hasEvent(): boolean {
    return this.#event !== undefined;
  }

  get isInSet(): boolean {
    return this.#set !== undefined;
  }

  /** A later event takes the place of one that was not taken. */
  setEvent(event: () => GuestEvent): void {
    this.#event = event;
    this.#set?.noteEvent(this);
    this.#onEvent();
  }

  /** On the guest's turn. Undefined where there is none. */
  takeEvent(): GuestEvent | undefined {
    const event = this.#event;
    this.#event = undefined;
    this.#set?.forgetEvent(this);
    return event?.();
  }

  /** Becomes a member of that set alone. */
  join(set: WaitableSet | undefined): void {
    this.#set?.remove(this);
    this.#set = set;
    set?.add(this);
  }

  override drop(): void {
    super.drop();
    this.#event = undefined;
    this.join(undefined);
  }
}

export class WaitableSet extends HostResource {
  readonly #members = new Set<Waitable>();
  /** Those with an event, in the order in which they had it. */
  readonly #ready = new Set<Waitable>();
  /** How many wait for one of its events. */
  waiting = 0;

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get hasEvent(): boolean {
    return this.#ready.size > 0;
  }

  /** On the guest's turn. */
  takeEvent(): GuestEvent {
    for (const waitable of this.#ready) return waitable.takeEvent() ?? noEvent;
    return noEvent;
  }

  add(waitable: Waitable): void {
    this.#members.add(waitable);
    if (waitable.hasEvent) this.#ready.add(waitable);
  }

  remove(waitable: Waitable): void {
    this.#members.delete(waitable);
    this.#ready.delete(waitable);
  }

  noteEvent(waitable: Waitable): void {
    this.#ready.add(waitable);
  }

  forgetEvent(waitable: Waitable): void {
    this.#ready.delete(waitable);
  }
}
