/** Why a capability said no: one small vocabulary that every ABI can map to its own codes. */

export type RefusalKind =
  /** The guest's own argument: a bad URL, method, header or name. */
  | 'input'
  /** A limit of the run, the namespace or the thread. */
  | 'limit'
  /** An address, port or scheme that guests may not reach. */
  | 'forbidden'
  /** No address for the name. */
  | 'dns'
  /** The other side refused, broke off or does not speak HTTP or TLS as it should. */
  | 'connection'
  | 'timeout'
  /** The run ended, or gave the operation up. */
  | 'abandoned'
  /** A fault on this side, for the operator: the key-value file, a lost writer. */
  | 'unavailable'
  /** The same: there is no room for what is to be stored. */
  | 'full';

/**
 * A capability's failure. `message` reads "Cannot X: rule: received Y" and may be shown to the
 * guest's owner.
 */
export class CapabilityRefusal extends Error {
  override readonly name = 'CapabilityRefusal';
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
