/** An object that a run has found: how old it is now, and its body. */
import type { ReadBody } from '../../http/body.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { BodyRange, FoundObject, ObjectOptions } from './contract.ts';
import type { WireObject } from './messages.ts';
import type { SharedBody } from './shared-body.ts';

export interface FoundOptions {
  readonly object: WireObject;
  /** Entered; it is left by `close`. */
  readonly body: SharedBody;
  readonly nowMs: () => number;
  /** Of who has just stored it: the first to open it gets all of it, whatever is kept. */
  readonly isOwn: boolean;
}

interface Span {
  readonly from: number;
  readonly end: number | undefined;
  /** The range was taken at its word: a body that ends before `end` breaks off. */
  readonly isDue: boolean;
}

const all: Span = { from: 0, end: undefined, isDue: false };

export class Found implements FoundObject {
  readonly options: ObjectOptions;
  readonly hits: number;
  readonly #facts: FoundOptions;
  readonly #sinceMs: number;
  #isChosen: boolean;
  #toldBytes: { readonly bytes: number | undefined } | undefined;
  #isClosed = false;

  constructor(facts: FoundOptions) {
    const { hits, isChosen, options } = facts.object;
    this.options = options;
    this.hits = hits;
    this.#facts = facts;
    this.#sinceMs = facts.nowMs();
    this.#isChosen = isChosen;
  }

  get ageMs(): number {
    const { nowMs, object } = this.#facts;
    return object.ageMs + (nowMs() - this.#sinceMs);
  }

  get isFresh(): boolean {
    return !this.#facts.object.isSoftPurged && this.ageMs < this.options.maxAgeMs;
  }

  get isUsable(): boolean {
    const { maxAgeMs, staleWhileRevalidateMs } = this.options;
    return this.#isChosen || this.ageMs < maxAgeMs + staleWhileRevalidateMs;
  }

  get isUsableIfError(): boolean {
    if (this.#isChosen) return true;
    const { maxAgeMs, staleIfErrorMs } = this.options;
    return !this.isUsable && this.ageMs < maxAgeMs + staleIfErrorMs;
  }

  get knownBytes(): number | undefined {
    // Who has heard that nobody knows it goes on from there, and is not told otherwise.
    this.#toldBytes ??= { bytes: this.#bytesByNow };
    return this.#toldBytes.bytes;
  }

  async open(range: BodyRange = {}): Promise<ReadBody> {
    const { body, isOwn } = this.#facts;
    body.enter();
    try {
      const span = await this.#spanOf(range);
      return body.open({ ...span, isOwner: isOwn && span === all });
    } finally {
      body.leave();
    }
  }

  /** Somebody has found out that there is nothing better. */
  choose(): void {
    this.#isChosen = true;
  }

  /** It is not opened any more; who reads it goes on. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#facts.body.leave();
  }

  async #spanOf({ from, isStrict, to }: BodyRange): Promise<Span> {
    const { body } = this.#facts;
    if (from === undefined && to === undefined) return all;
    if (this.#bytesByNow === undefined) {
      if (isStrict !== true) return all;
      if (from !== undefined && to !== undefined && to < from) throw refuseRange(from, to);
      await body.whenFilled(from === undefined ? Number.POSITIVE_INFINITY : from + 1);
    }
    return spanWithin({ from, to }, this.#bytesByNow);
  }

  get #bytesByNow(): number | undefined {
    const { body } = this.#facts;
    return body.state === 'whole' ? body.bytes : this.options.knownBytes;
  }
}

/** `length`: undefined while nobody knows it; then there are bytes at `from`. */
function spanWithin({ from, to }: BodyRange, length: number | undefined): Span {
  if (from === undefined) {
    if (length === undefined || to === undefined || to < 1 || to > length) return all;
    return { from: length - to, end: length, isDue: false };
  }
  if (length !== undefined && from >= length) return all;
  if (to === undefined) return { from, end: length, isDue: false };
  if (to < from || (length !== undefined && to >= length)) return all;
  return { from, end: to + 1, isDue: length === undefined };
}

function refuseRange(from: number, to: number): CapabilityRefusal {
  const rule = 'the last byte must not come before the first';
  const message = `Cannot open a part of the object: ${rule}: received ${from} to ${to}`;
  return new CapabilityRefusal('input', message);
}
