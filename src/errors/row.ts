/** What a row of the table of errors says. */

/** Who has to act: the visitor, the folder's owner, the operator, a server elsewhere, or us. */
export type Fault = 'visitor' | 'owner' | 'operator' | 'upstream' | 'ours';

export interface ErrorRow {
  readonly status: number;
  readonly fault: Fault;
  /** What the visitor reads when there is no detail or it is not shown. One sentence. */
  readonly sentence: string;
  readonly shown: boolean;
  /** Seconds for Retry-After, on the rows where trying again can help. */
  readonly retryAfterS?: number;
  /** Other headers that the status asks for. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** The Allow header that a 405 must have (RFC 9110, section 15.5.6). */
  readonly allow?: string;
}
