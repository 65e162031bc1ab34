/** A thread's line to the keeper of the caches, as its runs use it. */
import type { Share } from '../../account/share.ts';
import type { Limits } from '../../config/config.ts';
import type { ReadBody } from '../../http/body.ts';
import type { RunIdentity } from '../definition.ts';
import type { FromKeeper, ToKeeper, WireObject } from './messages.ts';
import type { SharedBody } from './shared-body.ts';

export type CacheClientLimits = Pick<
  Limits,
  'cacheEntryBytesMax' | 'cacheMetadataBytesMax' | 'cacheOperationsPerRunMax'
>;

export type CacheRun = Pick<RunIdentity, 'folderKey'>;

/** A question without its number. */
export type Asked = ToKeeper extends infer M
  ? M extends { readonly id: number; readonly kind: 'look' | 'insert' | 'update' | 'purge' }
    ? Omit<M, 'id'>
    : never
  : never;

export type Answer = Exclude<
  Extract<FromKeeper, { readonly id: number }>,
  { readonly kind: 'waits' }
>;

/** A question under way: its number is that of what it may oblige to. */
export interface Question {
  readonly id: number;
  readonly answer: Promise<Answer>;
}

export interface CacheLine {
  readonly limits: CacheClientLimits;
  readonly nowMs: () => number;
  /** What the site's owner holds. */
  shareOf(run: CacheRun): Share;
  /** A number that no other run of the thread has. */
  nextRun(): number;
  /**
   * Settles when the keeper answers; rejects with CapabilityRefusal. `onWaits`: the keeper has said
   * that the answer waits for another run.
   */
  ask(question: Asked, onWaits?: () => void): Question;
  /** Nobody waits for the answer any more; what it obliges to is given up. */
  forget(id: number): void;
  tell(message: ToKeeper): void;
  /**
   * The body of an object that was found; whoever takes it leaves it in the end. The keeper tells
   * of a body that grows with each object that has it: each time counts.
   */
  bodyOf(object: WireObject, run: CacheRun): SharedBody;
  /** Writes `source` into the body of an object that the keeper has made a place for. */
  fill(object: WireObject, source: ReadBody, run: CacheRun): SharedBody;
}
