/**
 * What the engine tells of commits: which key, which sequence, never the value. Edge: NATS. A space
 * is followed while somebody watches it or reads it often; of very many, whole streams are.
 */
import type { Msg, Subscription } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';
import type { Notice } from '../contract.ts';
import type { Link } from './link.ts';
import { keyOfToken, type Place, type Places } from './places.ts';
import { type RowHeaders, readHeaders } from './rows.ts';

export interface Told {
  readonly subject: string;
  readonly sequence: number;
  readonly headers: RowHeaders;
}

export interface NoticesOptions {
  readonly link: Link;
  readonly places: () => Places;
  /** Called for every commit to a space that is followed, before those who watch it are. */
  readonly onTold: (told: Told) => void;
  /** Time that only goes on, in milliseconds. */
  readonly nowMs: () => number;
}

interface Followed {
  readonly subscription: Subscription;
  /** Resolves when the server knows of it. */
  readonly flushed: Promise<void>;
  /** From when on every commit is told, by the clock that only goes on. */
  sinceMs: number | undefined;
}

/** Above so many spaces, whole streams are followed. */
const spacesMax = 500;

export class Notices {
  readonly #options: NoticesOptions;
  /** By the beginning of the subjects that are told. */
  readonly #watched = new Map<string, { followed: Followed; listeners: Set<Listener> }>();
  readonly #read = new LRUCache<string, Followed>({
    max: spacesMax,
    dispose: ({ subscription }) => subscription.unsubscribe(),
  });
  readonly #streams = new Map<number, Followed>();
  #hasMany = false;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** From when on every commit to the space is told to this node; undefined: not all are. */
  followedSince(place: Place): number | undefined {
    const followed =
      this.#streams.get(place.streamIndex) ??
      this.#watched.get(place.noticePrefix)?.followed ??
      this.#read.get(place.noticePrefix);
    return followed?.sinceMs;
  }

  /** Follows the space for a while, for those who read it. Rejects with NoAnswer. */
  async follow(place: Place): Promise<void> {
    const known =
      this.#streams.get(place.streamIndex) ?? this.#watched.get(place.noticePrefix)?.followed;
    if (known !== undefined) return known.flushed;
    const read = this.#read.get(place.noticePrefix);
    if (read !== undefined) return read.flushed;
    this.#hasMany ||= this.#read.size >= spacesMax;
    const followed = this.#hasMany
      ? this.#subscribe(`${this.#options.places().noticeRoot(place.streamIndex)}.>`)
      : this.#subscribe(`${place.noticePrefix}>`);
    if (this.#hasMany) this.#streams.set(place.streamIndex, followed);
    else this.#read.set(place.noticePrefix, followed);
    return followed.flushed;
  }

  /** Resolves when every commit from then on is told. */
  watch(place: Place, listener: Listener): Promise<void> {
    const known = this.#watched.get(place.noticePrefix);
    if (known !== undefined) {
      known.listeners.add(listener);
      return known.followed.flushed;
    }
    const followed = this.#subscribe(`${place.noticePrefix}>`);
    this.#watched.set(place.noticePrefix, { followed, listeners: new Set([listener]) });
    return followed.flushed;
  }

  unwatch(place: Place, listener: Listener): void {
    const known = this.#watched.get(place.noticePrefix);
    known?.listeners.delete(listener);
    if (known === undefined || known.listeners.size > 0) return;
    known.followed.subscription.unsubscribe();
    this.#watched.delete(place.noticePrefix);
  }

  /** Something may have changed anywhere. */
  tellReset(): void {
    for (const { listeners } of this.#watched.values()) {
      for (const listener of [...listeners]) listener('reset');
    }
  }

  #subscribe(subject: string): Followed {
    const { link } = this.#options;
    const subscription = link.subscribe(subject, (message) => this.#hear(message));
    const flushed = link.flush();
    const followed: Followed = { subscription, flushed, sinceMs: undefined };
    flushed.then(
      () => {
        followed.sinceMs = this.#options.nowMs();
      },
      () => this.#giveUp(followed),
    );
    return followed;
  }

  /** It is subscribed to again with the connection; until then it is followed by nobody. */
  #giveUp(followed: Followed): void {
    for (const [prefix, each] of this.#read) if (each === followed) this.#read.delete(prefix);
    for (const [index, each] of this.#streams) {
      if (each !== followed) continue;
      followed.subscription.unsubscribe();
      this.#streams.delete(index);
    }
  }

  #hear(message: Msg): void {
    const get = (name: string): string | undefined => {
      const value = message.headers?.get(name);
      return value === '' ? undefined : value;
    };
    const subject = get('Nats-Subject');
    const sequence = Number(get('Nats-Sequence'));
    if (subject === undefined || !Number.isSafeInteger(sequence)) return;
    const headers = readHeaders(get);
    this.#options.onTold({ subject, sequence, headers });
    const cut = message.subject.lastIndexOf('.') + 1;
    const listeners = this.#watched.get(message.subject.slice(0, cut))?.listeners;
    if (listeners === undefined) return;
    const key = keyOfToken(message.subject.slice(cut), headers.longKey);
    if (key === undefined) return;
    const notice = { key, revision: headers.isDeleted ? 0 : sequence };
    for (const listener of [...listeners]) listener(notice);
  }
}

export type Listener = (notice: Notice) => void;
