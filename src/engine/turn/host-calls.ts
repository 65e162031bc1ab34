/**
 * Calls of the host into a guest, which needs memory to put an answer in. Below such a call there
 * are JavaScript frames, so the guest cannot be suspended, and nobody else can have a turn.
 */

/**
 * Checks below a call before its time counts: a collection of garbage, which may fall into any
 * call, takes longer than a call may.
 */
const checksMin = 10;

export class HostCalls {
  #depth = 0;
  #checks = 0;

  /** Whether the guest is being called by the host. */
  get isWithin(): boolean {
    return this.#depth > 0;
  }

  call<A, T>(callee: (arg: A) => T, arg: A): T {
    this.#depth += 1;
    try {
      return callee(arg);
    } finally {
      this.#depth -= 1;
    }
  }

  /** The guest came to a check below a call: whether it computes, and time should count. */
  countCheck(): boolean {
    this.#checks += 1;
    return this.#checks >= checksMin;
  }

  /** Others have had a turn. */
  renew(): void {
    this.#checks = 0;
  }
}
