/** What is sent to the engine as one, all or none. */
import type { HeaderLines } from './rows.ts';

export interface Outgoing {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: HeaderLines;
  /** The sequence that the subject must have; undefined: the batch wrote it before. */
  readonly expected: number | undefined;
  readonly isDelete: boolean;
  /** It says how much the space holds. */
  readonly isUsage: boolean;
}

export interface Commit {
  readonly stream: string;
  /** Told apart from every other commit; its messages are `id-0`, `id-1` and so on. */
  readonly id: string;
  readonly messages: readonly Outgoing[];
}
