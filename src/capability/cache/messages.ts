/**
 * What a serving thread and the keeper of the caches tell each other, in the order in which it was
 * sent. Plain data: it is structured-cloned. Bytes of bodies lie in memory that all threads see, so
 * that they are never copied between them.
 */
import type { FolderKey } from '../../names.ts';
import type { CacheSpace, ObjectOptions } from './contract.ts';

export interface WireAddress {
  readonly folderKey: FolderKey;
  readonly space: CacheSpace;
  /** One character a byte. */
  readonly key: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

export type LookMode = 'find' | 'enter' | 'immediate' | 'force-miss' | 'wait';

/** `id`: which question it is, and then the obligation that it may have brought. */
export type ToKeeper =
  | {
      readonly kind: 'look';
      readonly id: number;
      /** Which run of the thread it is. */
      readonly run: number;
      readonly address: WireAddress;
      readonly mode: LookMode;
    }
  /** The run does nothing until it has the answer. */
  | { readonly kind: 'insist'; readonly id: number }
  /** Nobody waits for the answer any more, or will do what it obliges to. */
  | { readonly kind: 'forget'; readonly id: number }
  | {
      readonly kind: 'insert';
      readonly id: number;
      readonly address: WireAddress;
      /** Fulfils this obligation. */
      readonly obligation: number | undefined;
      readonly options: ObjectOptions;
    }
  | {
      readonly kind: 'update';
      readonly id: number;
      readonly obligation: number;
      readonly options: ObjectOptions;
    }
  | { readonly kind: 'choose-stale'; readonly obligation: number }
  | {
      readonly kind: 'uncacheable';
      readonly obligation: number;
      readonly maxAgeMs: number;
      readonly varyBy: readonly string[];
    }
  | Growth
  | { readonly kind: 'ended'; readonly body: number; readonly isWhole: boolean }
  /** The thread does not read a body that grows, of which it was told so many times. */
  | { readonly kind: 'unwatch'; readonly body: number; readonly times: number }
  | {
      readonly kind: 'purge';
      readonly id: number;
      readonly folderKey: FolderKey;
      readonly surrogateKey: string;
      readonly how: 'hard' | 'soft';
    };

/** A body has `bytes` now; blocks are full, but for the last. Those here come after the others. */
export interface Growth {
  readonly kind: 'grown';
  readonly body: number;
  readonly blocks: readonly SharedArrayBuffer[];
  readonly bytes: number;
}

/** An object as the keeper knows it now. */
export interface WireObject {
  readonly id: number;
  readonly options: ObjectOptions;
  readonly ageMs: number;
  readonly hits: number;
  readonly isSoftPurged: boolean;
  /** Stale, and chosen to be good all the same. */
  readonly isChosen: boolean;
  readonly body: WireBody;
}

export interface WireBody {
  readonly id: number;
  readonly blocks: readonly SharedArrayBuffer[];
  readonly bytes: number;
  readonly state: BodyState;
}

export type BodyState = 'growing' | 'whole' | 'broken';

export type FromKeeper =
  | {
      readonly kind: 'looked';
      readonly id: number;
      readonly object: WireObject | undefined;
      readonly isObliged: boolean;
      readonly isUncacheable: boolean;
    }
  /** Another is bringing what was asked for: the answer comes later. */
  | { readonly kind: 'waits'; readonly id: number }
  /** It is found by others from here on. */
  | { readonly kind: 'stored'; readonly id: number; readonly object: WireObject }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string }
  | { readonly kind: 'purged'; readonly id: number; readonly count: number }
  /** To the writer: so much has come; there is no place for it where `isDropped`. */
  | {
      readonly kind: 'taken';
      readonly body: number;
      readonly bytes: number;
      readonly isDropped: boolean;
    }
  | Growth
  | { readonly kind: 'ended'; readonly body: number; readonly isWhole: boolean };
