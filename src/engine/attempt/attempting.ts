/** An attempt, as what a run may reach sees it. */
export interface Attempting {
  /** Whether its code has not ended. */
  readonly isOpen: boolean;
  /** It will be begun anew. */
  readonly isDropped: boolean;
  /** Whether there is an answer, which is held. */
  readonly isAnswered: boolean;
  /**
   * Before what would be seen outside.
   *
   * @throws the trap unless its code has ended: then it is dropped, and nothing may be done
   */
  requireKept(): void;
  /** The answer leaves when its code has ended. */
  holdReply(reply: HeldReply): void;
  /** The same of other things, in their order. @throws the trap where there are too many */
  hold(effect: () => void): void;
}

export interface HeldReply {
  /** @throws where it cannot be sent; then nothing has left */
  send(): void;
  /** It will not be. */
  cancel(): void;
}

/** An attempt, as what would wait in it sees it. */
export interface Droppable {
  /** It would wait for something that is under way, such as `work`: what is to be thrown. */
  drop(work?: Promise<unknown>): WebAssembly.RuntimeError;
}
