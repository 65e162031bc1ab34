/**
 * What a node does about the content that its own copy of a folder shows, where several nodes have
 * copies of it that arrive at different times. Pure.
 *
 * Each node remembers, for each module, the newest entry of the common record that its copy has
 * shown: its **base**. A copy that had the head and moved on has something new, whatever it is. One
 * that never had the head may only be late, and what is late must not undo what is newer. So it is
 * judged by the time of the file, and in doubt it is held: the owner can touch the file.
 */
import type { Digest } from '../../threads/messages.ts';

/** One accepted state of a module, of all nodes. */
export interface Entry {
  /** Grows with each. */
  readonly seq: number;
  /** Null: the module was deleted. */
  readonly digest: Digest | null;
  /** Of the file, in milliseconds since the Unix epoch; only whole seconds are compared. */
  readonly mtimeMs: number;
  readonly acceptedAtMs: number;
}

/** What the copy shows. */
export interface Shown {
  /** Null: there is no such file, in two looks at a folder that can be read. */
  readonly digest: Digest | null;
  readonly mtimeMs: number;
}

export type Decision =
  /** Something new: becomes the head. */
  | { readonly kind: 'accept' }
  /** The copy has the head. */
  | { readonly kind: 'head'; readonly base: number }
  /** The copy is late: the head serves. */
  | { readonly kind: 'late'; readonly base: number }
  /** It cannot be told: the head serves, and the owner is told what to do. */
  | { readonly kind: 'hold' };

/** For so long after the head was accepted, what is newer than it may have been on its way. */
const overlapMs = 600_000;

/** What this node knows. */
export interface Knowledge {
  /** The sequence of the newest entry that this copy has shown; 0: none. */
  readonly base: number;
  /** Whether its clock agrees with those of the others. */
  readonly isClockTrusted: boolean;
}

/** @param entries Newest first; empty: no node has accepted anything. */
export function decide(
  entries: readonly Entry[],
  { base, isClockTrusted }: Knowledge,
  shown: Shown,
): Decision {
  const [head] = entries;
  if (head === undefined) return shown.digest === null ? { kind: 'hold' } : { kind: 'accept' };
  if (isSame(head, shown)) return { kind: 'head', base: head.seq };
  if (base === head.seq) return { kind: 'accept' };
  const older = entries.find((entry) => isSame(entry, shown));
  if (older !== undefined) return { kind: 'late', base: Math.max(base, older.seq) };
  if (shown.digest === null) return { kind: 'hold' };
  return isClockTrusted && isNewer(head, shown) ? { kind: 'accept' } : { kind: 'hold' };
}

/** The same bytes written again at another time are another deploy. */
function isSame(entry: Entry, { digest, mtimeMs }: Shown): boolean {
  if (entry.digest !== digest) return false;
  return digest === null || seconds(entry.mtimeMs) === seconds(mtimeMs);
}

function isNewer(head: Entry, { mtimeMs }: Shown): boolean {
  if (mtimeMs <= head.mtimeMs) return false;
  const ageMs = head.acceptedAtMs - head.mtimeMs;
  return mtimeMs > head.acceptedAtMs || (ageMs >= 0 && ageMs < overlapMs);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
