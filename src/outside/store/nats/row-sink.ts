import type { Place } from './places.ts';
import type { Row } from './rows.ts';

/** Where what is known of followed spaces is copied to, for the other threads of the node. */
export interface RowSink {
  /** `key` has `row`; true while its stream is alive and nothing else is said. */
  put(place: Place, key: Uint8Array, row: Row): void;
  /** The subject was written to. */
  drop(subject: string): void;
  /** Nothing of what was put is true any more. */
  clear(): void;
  /** Its rows are true for so long, if nothing else is said; 0: not any more. */
  alive(streamIndex: number, leftMs: number): void;
}
