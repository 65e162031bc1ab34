/**
 * Where a space and its keys lie in NATS. Pure.
 *
 *     tf.I.c.<area>.S.K    of stream TF_I_CTL, everything but guests' data
 *     tf.I.k.hh.S.K        of stream TF_I_KV_hh, one of the shards
 *     tf.I.k.hh.S.$        how much the space holds
 *     tf.I.i.…             the same with `i.` put in: headers of what was written, for who watches
 *
 * `I` is the installation's name, `S` stands for the space, `K` for the key, `hh` for the shard.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Space } from '../contract.ts';

export interface Place {
  readonly space: Space;
  /** What stands for the space. */
  readonly id: Uint8Array;
  readonly stream: string;
  /** The stream among those of the installation: 0 is the control stream. */
  readonly streamIndex: number;
  /** Subjects of the space's keys begin with it; it ends in a dot. */
  readonly prefix: string;
  /** Notices of what is written there begin with it. */
  readonly noticePrefix: string;
  /** How much the space holds, where that is counted. */
  readonly usageSubject: string | undefined;
}

/** Longer ones would make lines of the protocol, which have 4 KiB, too long. */
const keyBytesInSubject = 1_024;
const placesKept = 10_000;

export class Places {
  readonly installation: string;
  readonly shards: number;
  readonly #known = new LRUCache<string, Place>({ max: placesKept });
  #last: Place | undefined;

  constructor(installation: string, shards: number) {
    this.installation = installation;
    this.shards = shards;
  }

  get controlStream(): string {
    return `TF_${this.installation}_CTL`;
  }

  get metaSubject(): string {
    return `tf.${this.installation}.c.meta`;
  }

  get blobBucket(): string {
    return `TF_${this.installation}_BLOB`;
  }

  /** By their index. */
  get streams(): readonly string[] {
    const shards = Array.from({ length: this.shards }, (_, shard) => this.#kvStream(shard));
    return [this.controlStream, ...shards];
  }

  /** What a stream takes in, without the last dot and what follows it. */
  subjectRoot(streamIndex: number): string {
    const { installation } = this;
    return streamIndex === 0
      ? `tf.${installation}.c`
      : `tf.${installation}.k.${inHex(streamIndex - 1)}`;
  }

  /** The same, of notices. */
  noticeRoot(streamIndex: number): string {
    const root = this.subjectRoot(streamIndex);
    const start = `tf.${this.installation}.`;
    return `${start}i.${root.slice(start.length)}`;
  }

  of(space: Space): Place {
    const last = this.#last;
    // Reads of one run are of one space, one after the other.
    if (last?.space.name === space.name && last.space.area === space.area) return last;
    const place = this.#find(space);
    this.#last = place;
    return place;
  }

  #find(space: Space): Place {
    const id = `${space.area}\0${space.name}`;
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const place = this.#locate(space, createHash('sha256').update(id).digest());
    this.#known.set(id, place);
    return place;
  }

  #locate(space: Space, digest: Buffer): Place {
    const name = digest.toString('hex', 0, 16);
    const isGuests = space.area === 'kv';
    const streamIndex = isGuests ? 1 + ((digest[0] ?? 0) % this.shards) : 0;
    const middle = isGuests ? name : `${space.area}.${name}`;
    const prefix = `${this.subjectRoot(streamIndex)}.${middle}.`;
    return {
      space: { area: space.area, name: space.name },
      id: bytesOf(digest.subarray(0, 16)),
      stream: isGuests ? this.#kvStream(streamIndex - 1) : this.controlStream,
      streamIndex,
      prefix,
      noticePrefix: `${this.noticeRoot(streamIndex)}.${middle}.`,
      usageSubject: isGuests ? `${prefix}$` : undefined,
    };
  }

  #kvStream(shard: number): string {
    return `TF_${this.installation}_KV_${inHex(shard)}`;
  }
}

export function subjectOf({ prefix }: Place, key: Uint8Array): string {
  return prefix + keyToken(key);
}

/** Whether `longKey`, from the message's headers, is needed to know the key. */
export function keyOfToken(token: string, longKey: Uint8Array | undefined): Uint8Array | undefined {
  if (token.startsWith('h')) return longKey;
  return token.startsWith('k') ? bytesOf(Buffer.from(token.slice(1), 'base64url')) : undefined;
}

export function isLongKey(key: Uint8Array): boolean {
  return key.byteLength > keyBytesInSubject;
}

/** Bytes of their own: small Buffers share theirs with others. */
export function bytesOf(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

export function keyToken(key: Uint8Array): string {
  if (isLongKey(key)) return `h${createHash('sha256').update(key).digest('hex')}`;
  return `k${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('base64url')}`;
}

function inHex(shard: number): string {
  return shard.toString(16).padStart(2, '0');
}
