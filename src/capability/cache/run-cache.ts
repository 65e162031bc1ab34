/** The cache of its site for one run: counts, limits, and all that its end gives up. */
import { Buffer } from 'node:buffer';
import { inBytes } from '../../amounts.ts';
import type { ReadBody } from '../../http/body.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type {
  Cache,
  CacheAddress,
  CacheEntry,
  CacheWait,
  FoundObject,
  ObjectOptions,
  ReplaceStrategy,
} from './contract.ts';
import { Found } from './found.ts';
import type { Answer, CacheLine, CacheRun } from './line.ts';
import type { LookMode, WireAddress, WireObject } from './messages.ts';
import { baseBytesOf } from './stored.ts';

/** As the contract of the ABIs has it. */
const keyBytesMax = 8_135;
/** What a question weighs beside what it says. */
const questionBytes = 1_024;

type Looked = Extract<Answer, { kind: 'looked' }>;

export class RunCache implements Cache {
  readonly #line: CacheLine;
  readonly #run: CacheRun;
  readonly #number: number;
  /** Numbers of questions under way, and of obligations, and what the keeper holds for each. */
  readonly #open = new Map<number, number>();
  readonly #found = new Set<Found>();
  #foundBytes = 0;
  #operations = 0;
  #isClosed = false;

  constructor(line: CacheLine, run: CacheRun) {
    this.#number = line.nextRun();
    this.#line = line;
    this.#run = run;
  }

  find(address: CacheAddress, wait?: CacheWait): Promise<CacheEntry> {
    return this.#look(address, 'find', wait);
  }

  enter(address: CacheAddress, wait?: CacheWait): Promise<CacheEntry> {
    return this.#look(address, 'enter', wait);
  }

  replace(address: CacheAddress, strategy: ReplaceStrategy, wait?: CacheWait): Promise<CacheEntry> {
    return this.#look(address, strategy, wait);
  }

  async insert(
    address: CacheAddress,
    options: ObjectOptions,
    body: ReadBody,
  ): Promise<FoundObject> {
    return await this.store({ address: this.#wire(address), options, body, obligation: undefined });
  }

  async purge(surrogateKey: string, how: 'hard' | 'soft'): Promise<number> {
    this.#count('purge');
    const { folderKey } = this.#run;
    const answer = await this.#line.ask({ kind: 'purge', folderKey, surrogateKey, how }).answer;
    return answer.kind === 'purged' ? answer.count : 0;
  }

  apart(): Cache {
    return new RunCache(this.#line, this.#run);
  }

  close(): void {
    this.#isClosed = true;
    for (const id of [...this.#open.keys()]) this.forget(id);
    for (const found of this.#found) found.close();
    this.#found.clear();
    this.#line.shareOf(this.#run).release('cache', this.#foundBytes);
    this.#foundBytes = 0;
  }

  /** @internal For its entries: stores, and begins to write. */
  async store(wanted: {
    readonly address: WireAddress;
    readonly options: ObjectOptions;
    readonly body: ReadBody;
    readonly obligation: number | undefined;
  }): Promise<FoundObject> {
    const { address, body, obligation, options } = wanted;
    try {
      this.#count('store');
      this.#requireStorable(options);
    } catch (error) {
      body.cancel();
      if (obligation !== undefined) this.forget(obligation);
      throw error;
    }
    if (obligation !== undefined) this.#settle(obligation);
    const { answer } = this.#line.ask({ kind: 'insert', address, obligation, options });
    const stored = await answer.catch((error: unknown) => {
      body.cancel();
      throw error;
    });
    const object = requireStored(stored);
    const { nowMs } = this.#line;
    const filled = this.#line.fill(object, body, this.#run);
    return this.#keep(new Found({ object, body: filled, nowMs, isOwn: true }));
  }

  /** @internal For its entries. */
  async update(obligation: number, options: ObjectOptions): Promise<FoundObject> {
    this.#count('store');
    this.#requireStorable(options);
    this.#settle(obligation);
    const stored = await this.#line.ask({ kind: 'update', obligation, options }).answer;
    return this.#keep(this.#foundOf(requireStored(stored)));
  }

  /** @internal For its entries: the obligation is fulfilled by a message. */
  fulfil(
    obligation: number,
    how:
      | { readonly kind: 'choose-stale' }
      | {
          readonly kind: 'uncacheable';
          readonly maxAgeMs: number;
          readonly varyBy: readonly string[];
        },
  ): void {
    if (this.#settle(obligation)) this.#line.tell({ ...how, obligation });
  }

  /** @internal For its entries. */
  forget(id: number): void {
    if (this.#settle(id)) this.#line.forget(id);
  }

  /** False where it was settled before. */
  #settle(id: number): boolean {
    this.#line.shareOf(this.#run).release('cache', this.#open.get(id) ?? 0);
    return this.#open.delete(id);
  }

  async #look(
    address: CacheAddress,
    mode: LookMode,
    { blocked, onWaits, signal }: CacheWait = {},
  ): Promise<CacheEntry> {
    this.#count('look');
    const wire = this.#wire(address);
    const bytes = this.#holdQuestion(wire);
    const question = { kind: 'look', run: this.#number, address: wire, mode } as const;
    const { answer, id } = this.#line.ask(question, onWaits);
    this.#open.set(id, bytes);
    const giveUp = (): void => this.forget(id);
    void blocked?.then(() => this.#insist(id));
    signal?.addEventListener('abort', giveUp);
    if (signal?.aborted === true) giveUp();
    try {
      const looked = await answer;
      if (looked.kind !== 'looked') throw new TypeError(`Cannot look: received ${looked.kind}`);
      return this.#entryOf(id, wire, looked);
    } catch (error) {
      this.#settle(id);
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** The keeper has it as long as it waits or is obliged, with all of the request's headers. */
  #holdQuestion({ headers, key }: WireAddress): number {
    let bytes = questionBytes + key.length;
    for (const text of headers) bytes += text.length;
    const share = this.#line.shareOf(this.#run);
    if (!share.allows('bytes', bytes)) {
      const rule = 'the sites of one owner may have no larger part of the memory than is left';
      throw new CapabilityRefusal('limit', `Cannot ask the cache: ${rule}: received more`);
    }
    share.charge('cache', bytes);
    return bytes;
  }

  /** Nothing else happens in the run until it has its answer. */
  #insist(id: number): void {
    if (this.#open.has(id)) this.#line.tell({ kind: 'insist', id });
  }

  #entryOf(id: number, address: WireAddress, looked: Looked): CacheEntry {
    const { isObliged, isUncacheable, object } = looked;
    if (!isObliged) this.#settle(id);
    const found = object === undefined ? undefined : this.#keep(this.#foundOf(object));
    const obligation = isObliged ? id : undefined;
    return new RunCacheEntry(this, { address, found, obligation, isUncacheable });
  }

  #foundOf(object: WireObject): Found {
    const body = this.#line.bodyOf(object, this.#run);
    return new Found({ object, body, nowMs: this.#line.nowMs, isOwn: false });
  }

  /** With what is kept beside its body, of which each lookup has a copy. */
  #keep(found: Found): Found {
    if (this.#isClosed) {
      found.close();
      return found;
    }
    const bytes = baseBytesOf([], found.options);
    this.#line.shareOf(this.#run).charge('cache', bytes);
    this.#foundBytes += bytes;
    this.#found.add(found);
    return found;
  }

  #wire({ headers, key, space }: CacheAddress): WireAddress {
    if (key.length > keyBytesMax) {
      const rule = `a key has at most ${keyBytesMax} bytes`;
      throw new CapabilityRefusal('input', `Cannot use the cache: ${rule}: received ${key.length}`);
    }
    const { folderKey } = this.#run;
    return { folderKey, space, key: Buffer.from(key).toString('latin1'), headers: headers.flat() };
  }

  #count(verb: string): void {
    const { cacheOperationsPerRunMax } = this.#line.limits;
    this.#operations += 1;
    if (this.#isClosed) throw new CapabilityRefusal('abandoned', `Cannot ${verb}: the run ended`);
    if (this.#operations <= cacheOperationsPerRunMax) return;
    const rule = `a run may use the cache ${cacheOperationsPerRunMax} times`;
    throw new CapabilityRefusal('limit', `Cannot ${verb}: ${rule}: received one more`);
  }

  #requireStorable({ metadata, surrogateKeys, varyBy }: ObjectOptions): void {
    const { cacheMetadataBytesMax } = this.#line.limits;
    let bytes = metadata.length;
    for (const text of [...surrogateKeys, ...varyBy]) bytes += text.length;
    if (bytes <= cacheMetadataBytesMax) return;
    const rule = `what is kept beside a body has at most ${inBytes(cacheMetadataBytesMax)}`;
    throw new CapabilityRefusal('limit', `Cannot store in the cache: ${rule}: received ${bytes}`);
  }
}

interface EntryFacts {
  readonly address: WireAddress;
  readonly found: FoundObject | undefined;
  readonly obligation: number | undefined;
  readonly isUncacheable: boolean;
}

class RunCacheEntry implements CacheEntry {
  readonly found: FoundObject | undefined;
  readonly isUncacheable: boolean;
  readonly #cache: RunCache;
  readonly #address: WireAddress;
  #obligation: number | undefined;

  constructor(cache: RunCache, { address, found, isUncacheable, obligation }: EntryFacts) {
    this.found = found;
    this.isUncacheable = isUncacheable;
    this.#cache = cache;
    this.#address = address;
    this.#obligation = obligation;
  }

  get isObliged(): boolean {
    return this.#obligation !== undefined;
  }

  insert(options: ObjectOptions, body: ReadBody): Promise<FoundObject> {
    const obligation = this.#obligation;
    this.#obligation = undefined;
    return this.#cache.store({ address: this.#address, options, body, obligation });
  }

  async update(options: ObjectOptions): Promise<FoundObject> {
    return await this.#cache.update(this.#takeObligation('update'), options);
  }

  chooseStale(): void {
    this.#cache.fulfil(this.#takeObligation('choose the stale object'), { kind: 'choose-stale' });
    if (this.found instanceof Found) this.found.choose();
  }

  recordUncacheable({ maxAgeMs, varyBy }: Pick<ObjectOptions, 'maxAgeMs' | 'varyBy'>): void {
    const obligation = this.#takeObligation('record that it cannot be cached');
    this.#cache.fulfil(obligation, { kind: 'uncacheable', maxAgeMs, varyBy });
  }

  giveUp(): void {
    if (this.#obligation !== undefined) this.#cache.forget(this.#obligation);
    this.#obligation = undefined;
  }

  #takeObligation(verb: string): number {
    const obligation = this.#obligation;
    this.#obligation = undefined;
    if (obligation !== undefined) return obligation;
    const rule = 'only who is obliged to bring the object may do so';
    throw new CapabilityRefusal('input', `Cannot ${verb}: ${rule}: received another`);
  }
}

function requireStored(answer: Answer): WireObject {
  if (answer.kind === 'stored') return answer.object;
  const reason = answer.kind === 'refused' ? answer.reason : `received ${answer.kind}`;
  throw new CapabilityRefusal('input', `Cannot store in the cache: ${reason}`);
}
