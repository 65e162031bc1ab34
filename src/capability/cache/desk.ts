/**
 * The keeper's side of one thread: answers its questions, and holds what is the thread's own, so
 * that a thread that dies leaves nothing that others wait for.
 */
import type { MessagePort } from 'node:worker_threads';
import type { FromKeeper, Growth, ToKeeper } from './messages.ts';
import type { PacedWork, Steps } from './paced-work.ts';
import type { CacheShelves } from './shelves.ts';
import { type BodyReader, type StoredBody, toWire } from './stored.ts';
import type { Found, Obligation, Waiter } from './waiting.ts';

type Message<Kind extends ToKeeper['kind']> = Extract<ToKeeper, { kind: Kind }>;

export class CacheDesk implements BodyReader {
  readonly #shelves: CacheShelves;
  readonly #port: MessagePort;
  readonly #number: number;
  #isClosed = false;
  /** By the number of the question. */
  readonly #waiting = new Map<number, Waiter>();
  readonly #obligations = new Map<number, Obligation>();
  /** Bodies that the thread writes, by their number. */
  readonly #written = new Map<number, StoredBody>();
  /** Bodies that grow, of what the thread was told: it may read them. */
  readonly #shown = new Map<number, { readonly body: StoredBody; times: number }>();

  /** `number`: another one for each desk; `work`: one for all. */
  constructor(shelves: CacheShelves, port: MessagePort, number: number, work: PacedWork) {
    this.#shelves = shelves;
    this.#number = number;
    this.#port = port;
    port.on('message', (message: ToKeeper) => work.do(() => this.#obey(message)));
  }

  /** Ends the connection; `close` follows. */
  end(): void {
    this.#port.close();
  }

  /** The thread is gone: what it was to bring others may bring, what it wrote is not whole. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiting.values()) this.#shelves.forget(waiter);
    this.#waiting.clear();
    for (const body of this.#written.values()) this.#end(body, false);
    for (const { body } of this.#shown.values()) body.readers.delete(this);
    this.#shown.clear();
    for (const obligation of this.#obligations.values()) this.#shelves.release(obligation);
    this.#obligations.clear();
  }

  tellGrown({ bytes, id }: StoredBody, blocks: readonly SharedArrayBuffer[]): void {
    this.#tell({ kind: 'grown', body: id, blocks, bytes });
  }

  tellEnded({ id, state }: StoredBody): void {
    this.#shown.delete(id);
    this.#tell({ kind: 'ended', body: id, isWhole: state === 'whole' });
  }

  /** What is to be done in steps, where it is much. */
  #obey(message: ToKeeper): Steps | undefined {
    if (this.#isClosed) return undefined;
    if (message.kind === 'purge') return this.#purge(message);
    this.#obeyAtOnce(message);
    return undefined;
  }

  #obeyAtOnce(message: Exclude<ToKeeper, Message<'purge'>>): void {
    switch (message.kind) {
      case 'look':
        this.#look(message);
        break;
      case 'insist':
        this.#insist(message.id);
        break;
      case 'forget':
        this.#forget(message.id);
        break;
      case 'insert':
        this.#insert(message);
        break;
      case 'update':
        this.#update(message);
        break;
      case 'choose-stale':
        this.#chooseStale(message.obligation);
        break;
      case 'uncacheable':
        this.#mark(message);
        break;
      case 'grown':
        this.#grow(message);
        break;
      case 'ended':
        this.#endWritten(message);
        break;
      case 'unwatch':
        this.#unwatch(message);
        break;
    }
  }

  #look({ address, id, mode, run: number }: Message<'look'>): void {
    const run = `${this.#number}/${number}`;
    const waiter: Waiter = {
      ...{ address, mode, run, isInsistent: false, marks: new WeakMap() },
      onWaits: () => this.#tell({ kind: 'waits', id }),
      answer: (found) => {
        this.#waiting.delete(id);
        this.#answer(id, waiter, found);
      },
    };
    this.#waiting.set(id, waiter);
    this.#shelves.look(waiter);
  }

  #insist(id: number): void {
    const waiter = this.#waiting.get(id);
    if (waiter === undefined) return;
    waiter.isInsistent = true;
    this.#shelves.retry(waiter);
  }

  #answer(id: number, { address, run }: Waiter, found: Found): void {
    const { isChosen, isUncacheable, object, obliged } = found;
    if (obliged !== undefined) {
      const obligation = { ...obliged, address, run };
      obliged.place.holder = obligation;
      this.#obligations.set(id, obligation);
    }
    if (object !== undefined) this.#show(object.body);
    this.#tell({
      ...{ kind: 'looked', id, isUncacheable, isObliged: obliged !== undefined },
      object: object && toWire(object, this.#shelves.nowMs, isChosen),
    });
  }

  #forget(id: number): void {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiter !== undefined) this.#shelves.forget(waiter);
    const obligation = this.#take(id);
    if (obligation !== undefined) this.#shelves.release(obligation);
  }

  #insert({ address, id, obligation: number, options }: Message<'insert'>): void {
    const obligation = number === undefined ? undefined : this.#take(number);
    const body = this.#shelves.newBody();
    this.#written.set(body.id, body);
    const object = this.#shelves.store(address, options, body);
    this.#tell({ kind: 'stored', id, object: toWire(object, this.#shelves.nowMs) });
    if (obligation === undefined) this.#shelves.wakeFor(object);
    else if (body.object === object) this.#shelves.release(obligation, { stored: object });
    else this.#shelves.releaseInVain(obligation);
  }

  #update({ id, obligation: number, options }: Message<'update'>): void {
    const obligation = this.#take(number);
    const before = obligation?.place.object;
    if (obligation === undefined || before === undefined || before.body.state === 'broken') {
      this.#tell({ kind: 'refused', id, reason: 'what was found is not there any more' });
      if (obligation !== undefined) this.#shelves.release(obligation);
      return;
    }
    const object = this.#shelves.store(obligation.address, options, before.body);
    this.#show(object.body);
    this.#tell({ kind: 'stored', id, object: toWire(object, this.#shelves.nowMs) });
    this.#shelves.release(obligation, { stored: object });
  }

  #chooseStale(number: number): void {
    const obligation = this.#take(number);
    if (obligation === undefined) return;
    this.#shelves.release(obligation, { chosen: obligation.place.object });
  }

  #mark({ maxAgeMs, obligation: number, varyBy }: Message<'uncacheable'>): void {
    const obligation = this.#take(number);
    if (obligation === undefined) return;
    const stored = this.#shelves.mark(obligation, { maxAgeMs, varyBy });
    this.#shelves.release(obligation, { stored });
  }

  #grow({ blocks, body: number, bytes }: Growth): void {
    const body = this.#written.get(number);
    if (body === undefined) return;
    body.blocks.push(...blocks);
    for (const block of blocks) body.heldBytes += block.byteLength;
    body.bytes = bytes;
    const isWanted = this.#shelves.grow(body);
    this.#tell({ kind: 'taken', body: number, bytes, isDropped: !isWanted });
    if (isWanted) for (const reader of body.readers) reader.tellGrown(body, blocks);
    else this.#end(body, false);
  }

  #endWritten({ body: number, isWhole }: Message<'ended'>): void {
    const body = this.#written.get(number);
    if (body !== undefined) this.#end(body, isWhole);
  }

  #end(body: StoredBody, isWhole: boolean): void {
    this.#written.delete(body.id);
    body.state = isWhole ? 'whole' : 'broken';
    if (!isWhole && body.object !== undefined) this.#shelves.drop(body.object);
    for (const reader of body.readers) reader.tellEnded(body);
    body.readers.clear();
  }

  /** The thread is told of a body: it hears of how it grows, until it says that nobody reads it. */
  #show(body: StoredBody): void {
    if (body.state !== 'growing') return;
    body.readers.add(this);
    const shown = this.#shown.get(body.id);
    if (shown === undefined) this.#shown.set(body.id, { body, times: 1 });
    else shown.times += 1;
  }

  /** What it was told of meanwhile it will read: that is on its way. */
  #unwatch({ body: number, times }: Message<'unwatch'>): void {
    const shown = this.#shown.get(number);
    if (shown === undefined) return;
    shown.times -= times;
    if (shown.times > 0) return;
    this.#shown.delete(number);
    shown.body.readers.delete(this);
  }

  *#purge({ folderKey, how, id, surrogateKey }: Message<'purge'>): Generator<undefined, void> {
    const count = yield* this.#shelves.purge(folderKey, surrogateKey, how);
    this.#tell({ kind: 'purged', id, count });
  }

  #take(number: number): Obligation | undefined {
    const obligation = this.#obligations.get(number);
    this.#obligations.delete(number);
    return obligation;
  }

  #tell(message: FromKeeper): void {
    this.#port.postMessage(message);
  }
}
