/**
 * The keys of session tickets (RFC 8446, section 4.6.1), the same in all serving threads and on all
 * nodes of an installation: a visitor who comes back reaches another one as likely as not. A key
 * that leaks opens what it sealed, so keys do not last. OpenSSL as Node.js offers it has one key at
 * a time: what older ones sealed is worth nothing, and costs a handshake (tickets hold for five
 * minutes, keys for hours).
 */
import { randomBytes } from 'node:crypto';
import type { SharedStore, Watch } from '../outside/store/contract.ts';
import { keys, certificateSpace as space, textOf } from './records.ts';

export interface TicketKeysOptions {
  /** Of several nodes, sealing; left out: nobody else is to have the keys. */
  readonly store?: SharedStore | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** The keys could not be shared; it is tried again. */
  readonly onTrouble: (error: unknown) => void;
  readonly lifetimeMs?: number;
}

/** Name, encryption key and authentication key, as OpenSSL wants them. */
const ticketKeyBytes = 48;
/** Before the key, in what is sealed: when it was made, in milliseconds since the Unix epoch. */
const timeBytes = 8;
const usualLifetimeMs = 12 * 3_600_000;
const retryMs = 5_000;
/** Others may be faster; a commit that meets theirs looks again. */
const againMs = 50;
const wait = { deadlineMs: 10_000 };

export class TicketKeys {
  readonly #options: TicketKeysOptions;
  readonly #lifetimeMs: number;
  #current: Uint8Array = randomBytes(ticketKeyBytes);
  #madeAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #watch: Watch | undefined;
  #looking: Promise<void> = Promise.resolve();
  #onKeys: (keys: Uint8Array) => void = () => undefined;
  #isClosed = false;

  constructor(options: TicketKeysOptions) {
    this.#options = options;
    this.#lifetimeMs = options.lifetimeMs ?? usualLifetimeMs;
    this.#madeAtMs = options.nowMs();
  }

  get current(): Uint8Array {
    return this.#current;
  }

  /** Tells `onKeys` new keys from now on, and takes up those of other nodes. */
  rotate(onKeys: (keys: Uint8Array) => void): void {
    this.#onKeys = onKeys;
    this.#watch = this.#options.store?.watch(space, (notice) => {
      if (notice === 'reset' || textOf(notice.key) === textOf(keys.tickets)) this.#lookSoon(0);
    });
    this.#watch?.ready.then(() => this.#lookSoon(0), this.#options.onTrouble);
    this.#lookSoon(this.#watch === undefined ? this.#lifetimeMs : 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watch?.close();
    await this.#looking;
  }

  #lookSoon(delayMs: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, delayMs).unref();
  }

  async #look(): Promise<void> {
    const { nowMs, onTrouble, store } = this.#options;
    try {
      this.#lookSoon(store === undefined ? this.#replace() : await this.#share(store));
    } catch (error) {
      onTrouble(error);
      // Without the others, too, no key lasts.
      if (nowMs() - this.#madeAtMs >= this.#lifetimeMs) this.#replace();
      this.#lookSoon(retryMs);
    }
  }

  /**
   * Takes the keys that all have, or makes those; resolves to how long they hold, in ms. Their age
   * is sealed with them: the store's word for it is that of whoever has the engine, who could put
   * back old keys, which would then last for ever.
   */
  async #share(store: SharedStore): Promise<number> {
    const { nowMs } = this.#options;
    const key = keys.tickets;
    const [entry] = await store.read(space, [key], { fresh: true });
    const shared = entry && readShared(entry.value);
    if (shared !== undefined) {
      // A node whose clock is ahead must not make them last longer here.
      const ageMs = Math.max(0, nowMs() - shared.madeAtMs);
      if (ageMs < this.#lifetimeMs) {
        this.#take(shared.keys, nowMs() - ageMs);
        return Math.max(againMs, this.#lifetimeMs - ageMs);
      }
    }
    const made = { keys: randomBytes(ticketKeyBytes), madeAtMs: nowMs() };
    const value = formatShared(made);
    const ifRevision = entry?.revision ?? 0;
    const write = { key, op: 'put', value, ttlMs: this.#lifetimeMs, ifRevision } as const;
    const result = await store.commit(space, [write], wait);
    if (result.kind === 'conflict') return againMs;
    this.#take(made.keys, made.madeAtMs);
    return this.#lifetimeMs;
  }

  #replace(): number {
    this.#take(randomBytes(ticketKeyBytes), this.#options.nowMs());
    return this.#lifetimeMs;
  }

  #take(taken: Uint8Array, madeAtMs: number): void {
    this.#madeAtMs = madeAtMs;
    if (Buffer.compare(taken, this.#current) === 0) return;
    this.#current = taken;
    this.#onKeys(taken);
  }
}

interface SharedKeys {
  readonly keys: Uint8Array;
  readonly madeAtMs: number;
}

function formatShared({ keys, madeAtMs }: SharedKeys): Uint8Array {
  const time = Buffer.alloc(timeBytes);
  time.writeDoubleBE(madeAtMs);
  return Buffer.concat([time, keys]);
}

/** Undefined: nothing that `formatShared` wrote. */
function readShared(value: Uint8Array): SharedKeys | undefined {
  if (value.byteLength !== timeBytes + ticketKeyBytes) return undefined;
  const madeAtMs = Buffer.from(value).readDoubleBE();
  if (!Number.isFinite(madeAtMs)) return undefined;
  return { keys: Uint8Array.from(value.subarray(timeBytes)), madeAtMs };
}
