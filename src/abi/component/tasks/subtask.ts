/** A call that a guest has made and that goes on beside it (CanonicalABI.md, "Subtask State"). */
import { eventCodes, type GuestEvent, type OnEvent, Waitable } from './waitable.ts';

export const subtaskStates = {
  starting: 0,
  started: 1,
  returned: 2,
  cancelledBeforeStarted: 3,
  cancelledBeforeReturned: 4,
} as const;

type SubtaskState = (typeof subtaskStates)[keyof typeof subtaskStates];

/** The handle stands above the state. */
const handleShift = 4;

export class Subtask extends Waitable {
  readonly #cancel: () => Promise<void> | undefined;
  readonly #onDrop: (() => void) | undefined;
  #state: SubtaskState;
  #isDelivered = false;
  isCancelWanted = false;
  /** What the guest calls it; 0 while it has none. */
  #handle = 0;

  constructor(options: {
    readonly state: SubtaskState;
    /** Asks whoever does it to stop; a promise where one must wait for the answer. */
    readonly cancel: () => Promise<void> | undefined;
    /** The run is over, or the guest knows the end. */
    readonly onDrop?: () => void;
    readonly onEvent: OnEvent;
  }) {
    super(options.onEvent);
    this.#state = options.state;
    this.#cancel = options.cancel;
    this.#onDrop = options.onDrop;
  }

  get state(): SubtaskState {
    return this.#state;
  }

  get isResolved(): boolean {
    return this.#state >= subtaskStates.returned;
  }

  /** Whether the guest knows its end. */
  get isDelivered(): boolean {
    return this.#isDelivered;
  }

  /** From now on the guest is told of what becomes of it. What the call answers to the guest. */
  publish(handle: number): number {
    this.#handle = handle;
    return this.#state | (handle << handleShift);
  }

  start(): void {
    this.#state = subtaskStates.started;
    this.#tell();
  }

  /** @param deliver Brings the answer into the guest, when it takes the news. */
  resolve(deliver: () => void): void {
    this.#resolveAs(subtaskStates.returned, deliver);
  }

  /** @param deliver What is done when the guest takes the news. */
  resolveCancelled(deliver?: () => void): void {
    const { starting, cancelledBeforeStarted, cancelledBeforeReturned } = subtaskStates;
    const hasNotStarted = this.#state === starting;
    const state = hasNotStarted ? cancelledBeforeStarted : cancelledBeforeReturned;
    this.#resolveAs(state, deliver);
  }

  /** The guest does not want it any more. */
  cancel(): Promise<void> | undefined {
    this.isCancelWanted = true;
    return this.#cancel();
  }

  /** The guest knows already, by the answer of the call. */
  deliverNow(): void {
    this.#isDelivered = true;
  }

  override drop(): void {
    super.drop();
    this.#onDrop?.();
  }

  #resolveAs(state: SubtaskState, deliver?: () => void): void {
    this.#state = state;
    this.#tell(deliver);
  }

  #tell(deliver?: () => void): void {
    if (this.#handle === 0) return;
    const take = (): GuestEvent => {
      if (this.isResolved && !this.#isDelivered) {
        this.#isDelivered = true;
        deliver?.();
      }
      return [eventCodes.subtask, this.#handle, this.#state];
    };
    this.setEvent({ take });
  }
}
