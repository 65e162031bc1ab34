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

/** What there is to tell. */
export interface GuestNews {
  /** On the guest's turn, once. */
  take(): GuestEvent;
}

/** @param isAwaited Whether somebody waits for it, who did not know of any before. */
export type OnEvent = (isAwaited: boolean) => void;

export abstract class Waitable extends HostResource {
  readonly #onEvent: OnEvent;
  #event: GuestNews | undefined;
  #set: WaitableSet | undefined;
  /** A call of the guest waits for this one alone. */
  isAwaited = false;
  /** Its neighbours among those of its set that have an event. */
  earlier: Waitable | undefined;
  later: Waitable | undefined;
  isNoted = false;

  /** @param onEvent Told whenever there is something to take. */
  constructor(onEvent: OnEvent) {
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
  setEvent(event: GuestNews): void {
    const isFirst = this.#set?.hasEvent === false && this.#set.waiting > 0;
    this.#event = event;
    this.#set?.noteEvent(this);
    this.#onEvent(this.isAwaited || isFirst);
  }

  /** On the guest's turn. Undefined where there is none. */
  takeEvent(): GuestEvent | undefined {
    const event = this.#event;
    this.#event = undefined;
    this.#set?.forgetEvent(this);
    return event?.take();
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
  #memberCount = 0;
  /**
   * Those with an event are linked in the order in which they had it: a set of them would be made
   * anew as it shrinks, and there may be thousands.
   */
  #first: Waitable | undefined;
  #last: Waitable | undefined;
  /** How many wait for one of its events. */
  waiting = 0;

  get isEmpty(): boolean {
    return this.#memberCount === 0;
  }

  get hasEvent(): boolean {
    return this.#first !== undefined;
  }

  /** On the guest's turn. */
  takeEvent(): GuestEvent {
    return this.#first?.takeEvent() ?? noEvent;
  }

  /** One that is in no set. */
  add(waitable: Waitable): void {
    this.#memberCount += 1;
    if (waitable.hasEvent) this.noteEvent(waitable);
  }

  /** A member. */
  remove(waitable: Waitable): void {
    this.#memberCount -= 1;
    this.forgetEvent(waitable);
  }

  noteEvent(waitable: Waitable): void {
    if (waitable.isNoted) return;
    waitable.isNoted = true;
    waitable.earlier = this.#last;
    if (this.#last === undefined) this.#first = waitable;
    else this.#last.later = waitable;
    this.#last = waitable;
  }

  forgetEvent(waitable: Waitable): void {
    if (!waitable.isNoted) return;
    waitable.isNoted = false;
    const { earlier, later } = waitable;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    waitable.earlier = undefined;
    waitable.later = undefined;
  }
}
