/** The caches as one serving thread has them: it asks the keeper, and shares bodies by its runs. */
import type { MessagePort } from 'node:worker_threads';
import type { Account } from '../../account/account.ts';
import type { Share } from '../../account/share.ts';
import type { ReadBody } from '../../http/body.ts';
import { ownerOf } from '../../names.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { Cache } from './contract.ts';
import { Filling } from './filling.ts';
import type { Answer, Asked, CacheClientLimits, CacheLine, CacheRun, Question } from './line.ts';
import type { FromKeeper, ToKeeper, WireBody, WireObject } from './messages.ts';
import { RunCache } from './run-cache.ts';
import { SharedBody } from './shared-body.ts';

export interface CacheClientOptions {
  /** From `CacheKeeper.connect()`. */
  readonly port: MessagePort;
  readonly limits: CacheClientLimits;
  readonly account: Account;
  readonly nowMs: () => number;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: CapabilityRefusal) => void;
  readonly onWaits: (() => void) | undefined;
}

interface KnownBody {
  readonly body: SharedBody;
  /** By this thread itself: what the keeper tells of it is known. */
  readonly isWritten: boolean;
  /** How often the keeper has told of it while it was growing. */
  timesTold: number;
}

/** One a serving thread. */
export class CacheClient implements CacheLine {
  readonly limits: CacheClientLimits;
  readonly nowMs: () => number;
  readonly #port: MessagePort;
  readonly #account: Account;
  readonly #waiting = new Map<number, Waiting>();
  readonly #bodies = new Map<number, KnownBody>();
  readonly #fillings = new Map<number, Filling>();
  #lastId = 0;
  #lastRun = 0;
  #isClosed = false;

  constructor({ account, limits, nowMs, port }: CacheClientOptions) {
    this.limits = limits;
    this.nowMs = nowMs;
    this.#account = account;
    this.#port = port;
    port.on('message', (message: FromKeeper) => this.#hear(message));
    port.on('close', () => this.#end());
  }

  /** What one run reaches: operations are counted from zero. */
  forRun(run: CacheRun): Cache {
    return new RunCache(this, run);
  }

  shareOf({ folderKey }: CacheRun): Share {
    return this.#account.shareOf(ownerOf(folderKey));
  }

  nextRun(): number {
    this.#lastRun += 1;
    return this.#lastRun;
  }

  ask(question: Asked, onWaits?: () => void): Question {
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, reject, resolve } = Promise.withResolvers<Answer>();
    if (this.#isClosed) {
      reject(gone());
    } else {
      this.#waiting.set(id, { resolve, reject, onWaits });
      this.tell({ ...question, id } as ToKeeper);
    }
    return { id, answer: promise };
  }

  forget(id: number): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    const message = 'Cannot wait for the cache any longer: the run must go on: received its end';
    waiting?.reject(new CapabilityRefusal('abandoned', message));
    this.tell({ kind: 'forget', id });
  }

  tell(message: ToKeeper): void {
    if (!this.#isClosed) this.#port.postMessage(message);
  }

  bodyOf({ body: wire }: Pick<WireObject, 'body'>, run: CacheRun): SharedBody {
    const known = this.#bodies.get(wire.id) ?? this.#newBody(wire, run, false);
    known.body.enter();
    if (wire.state === 'growing') known.timesTold += 1;
    if (!known.isWritten) known.body.catchUp(wire);
    return known.body;
  }

  fill(object: WireObject, source: ReadBody, run: CacheRun): SharedBody {
    const { body } = this.#newBody(object.body, run, true);
    const filling = new Filling({
      ...{ body, source, knownBytes: object.options.knownBytes },
      bytesMax: this.limits.cacheEntryBytesMax,
      tell: (message) => this.tell(message),
      onOver: () => {
        this.#fillings.delete(body.id);
        body.leave();
      },
    });
    this.#fillings.set(body.id, filling);
    // Of who writes, and of who asked for it.
    body.enter();
    body.enter();
    void filling.run();
    if (this.#isClosed) filling.drop();
    return body;
  }

  close(): void {
    this.#port.close();
    this.#end();
  }

  #newBody({ id }: WireBody, run: CacheRun, isWritten: boolean): KnownBody {
    const share = this.shareOf(run);
    const body = new SharedBody({ id, share, onUnread: (unread) => this.#forgetBody(unread) });
    const known = { body, isWritten, timesTold: 0 };
    this.#bodies.set(id, known);
    return known;
  }

  #forgetBody({ id }: SharedBody): void {
    const times = this.#bodies.get(id)?.timesTold ?? 0;
    this.#bodies.delete(id);
    if (times > 0) this.tell({ kind: 'unwatch', body: id, times });
  }

  #hear(message: FromKeeper): void {
    switch (message.kind) {
      case 'taken':
        this.#fillings.get(message.body)?.take(message.bytes, message.isDropped);
        break;
      case 'grown':
        this.#toldOf(message.body)?.grow(message.blocks, message.bytes);
        break;
      case 'ended':
        this.#toldOf(message.body)?.end(message.isWhole);
        break;
      case 'waits':
        this.#waiting.get(message.id)?.onWaits?.();
        break;
      default:
        this.#settle(message);
    }
  }

  #toldOf(id: number): SharedBody | undefined {
    const known = this.#bodies.get(id);
    return known?.isWritten === false ? known.body : undefined;
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (waiting !== undefined) waiting.resolve(answer);
    else this.#refuseLate(answer);
  }

  /** Nobody waits for it any more: of a body that nobody here reads, the keeper need not tell. */
  #refuseLate(answer: Answer): void {
    const object = answer.kind === 'looked' || answer.kind === 'stored' ? answer.object : undefined;
    if (object?.body.state !== 'growing') return;
    const known = this.#bodies.get(object.body.id);
    if (known !== undefined) known.timesTold += 1;
    else this.tell({ kind: 'unwatch', body: object.body.id, times: 1 });
  }

  #end(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
    for (const filling of this.#fillings.values()) filling.drop();
    for (const { body } of [...this.#bodies.values()]) body.end(false);
  }
}

function gone(): CapabilityRefusal {
  const message = 'Cannot ask the cache: its keeper must be there: received its end';
  return new CapabilityRefusal('unavailable', message);
}
