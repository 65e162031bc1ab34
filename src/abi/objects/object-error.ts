/** What a guest did wrong with an object of the host. Each ABI says it in its own words. */

export type ObjectProblem =
  /** A name or value that HTTP does not have. */
  | 'syntax'
  /** More than a run, or a message, may have. */
  | 'limit'
  /** The machine has no room for it now. */
  | 'memory'
  /** Not in this state: reading what is being written, writing what was sent. */
  | 'state';

/** `message` reads "Cannot X: rule: received Y", and may be shown to the guest's owner. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly problem: ObjectProblem;

  constructor(problem: ObjectProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}
