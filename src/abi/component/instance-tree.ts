/** Which component instances of a program made which. */

export class InstanceTree {
  readonly #parents: readonly (number | undefined)[];

  constructor(parents: readonly (number | undefined)[]) {
    this.#parents = parents;
  }

  /**
   * Those that a call enters: `callee` and what is around it, but not around the caller too. None
   * is entered twice at once (CanonicalABI.md, `entering_set`).
   *
   * @param caller Undefined for the host.
   */
  entered(callee: number, caller?: number): readonly number[] {
    const around = new Set(caller === undefined ? [] : this.#around(caller));
    return this.#around(callee).filter((instance) => !around.has(instance));
  }

  /** The instance itself first. */
  #around(instance: number): readonly number[] {
    const found: number[] = [];
    for (let at: number | undefined = instance; at !== undefined; at = this.#parents[at]) {
      found.push(at);
    }
    return found;
  }
}
