/**
 * Password checks of the whole daemon, in a thread of their own: a bcrypt hash takes longer than
 * a hundred requests. Owners take turns, and the folders of each: whose
 * hashes are slow keeps nobody but himself waiting, however many folders he has.
 */
import type { Worker } from 'node:worker_threads';
import { TokenBuckets } from '../../account/token-buckets.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { clientNetwork, type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import { isTooCostly } from '../../site/access.ts';
import type { PasswordHash } from '../../site/manifest.ts';
import type { LoginQuestion } from '../../threads/messages.ts';
import { entryBeside, startWorker } from '../../threads/worker.ts';
import type { SharedLogins } from './shared-logins.ts';

export interface LoginsOptions {
  readonly limits: Pick<Limits, 'passwordChecksQueuedMax'>;
  readonly nowMs: () => number;
  readonly onTrouble: (message: string) => void;
  /** Of several nodes that count failures together; left out: each counts its own. */
  readonly shared?: SharedLogins | undefined;
}

export interface CheckRequest {
  readonly id: number;
  readonly password: string;
  readonly hash: PasswordHash;
}

export interface CheckReply {
  readonly id: number;
  readonly isRight: boolean;
}

interface Check {
  readonly password: string;
  readonly hash: PasswordHash;
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: TerrafirmaError) => void;
}

/**
 * How often passwords may be tried. Only failures count in the end, so that people who know their
 * password are not shut out by their own success.
 */
const perClient = { burst: 10, perSecond: 0.5 };
export const perFolder = { burst: 100, perSecond: 2 };
const clientsMax = 50_000;
const foldersMax = 10_000;

export class Logins {
  readonly #options: LoginsOptions;
  readonly #clients = new TokenBuckets(perClient, clientsMax);
  readonly #folders = new TokenBuckets(perFolder, foldersMax);
  readonly #shared: SharedLogins | undefined;
  /** What waits, by owner and folder; whoever was served last is at the end. */
  readonly #queues = new Map<OwnerKey, Map<FolderKey, Check[]>>();
  #running: { readonly id: number; readonly check: Check } | undefined;
  #worker: Worker | undefined;
  #nextId = 1;
  #isClosed = false;

  constructor(options: LoginsOptions) {
    this.#options = options;
    this.#shared = options.shared;
  }

  /**
   * Whether the password is that of the hash.
   *
   * @throws TerrafirmaError `too-many-logins`, `bad-manifest` (a hash that takes too long).
   */
  async check(question: Omit<LoginQuestion, 'ask'>): Promise<boolean> {
    const { clientAddress, folderKey, hash, password } = question;
    if (isTooCostly(hash)) {
      const rule = 'the cost of its bcrypt hashes must be at most 14';
      throw new TerrafirmaError('bad-manifest', `Cannot check the password: ${rule}`);
    }
    const client = `${folderKey} ${clientNetwork(clientAddress)}`;
    const nowMs = this.#options.nowMs();
    if (!this.#clients.take(client, nowMs) || !this.#folders.take(folderKey, nowMs)) {
      throw new TerrafirmaError('too-many-logins');
    }
    if ((await this.#shared?.mayTry(folderKey)) === false) {
      throw new TerrafirmaError('too-many-logins');
    }
    const isRight = await this.#enqueue(folderKey, { password, hash });
    if (!isRight) this.#shared?.noteFailure(folderKey);
    if (isRight) {
      this.#clients.giveBack(client);
      this.#folders.giveBack(folderKey);
    }
    return isRight;
  }

  /** What waits is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const folders of this.#queues.values()) {
      for (const check of [...folders.values()].flat()) {
        check.reject(new TerrafirmaError('draining'));
      }
    }
    this.#queues.clear();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #enqueue(folderKey: FolderKey, wanted: Pick<Check, 'password' | 'hash'>): Promise<boolean> {
    const owner = ownerOf(folderKey);
    const folders = this.#queues.get(owner) ?? new Map<FolderKey, Check[]>();
    const queue = folders.get(folderKey) ?? [];
    if (queue.length >= this.#options.limits.passwordChecksQueuedMax) {
      throw new TerrafirmaError('too-many-logins');
    }
    return new Promise((resolve, reject) => {
      queue.push({ ...wanted, resolve, reject });
      folders.set(folderKey, queue);
      this.#queues.set(owner, folders);
      this.#next();
    });
  }

  /** Hands the next check to the thread. */
  #next(): void {
    if (this.#running !== undefined || this.#isClosed) return;
    const check = this.#takeNext();
    if (check === undefined) return;
    const id = this.#nextId;
    this.#nextId += 1;
    this.#running = { id, check };
    const request: CheckRequest = { id, password: check.password, hash: check.hash };
    this.#openWorker().postMessage(request);
  }

  /** Of the owner, and there of the folder, that has waited longest; then each goes last. */
  #takeNext(): Check | undefined {
    const [first] = this.#queues;
    if (first === undefined) return undefined;
    const [owner, folders] = first;
    this.#queues.delete(owner);
    const [firstFolder] = folders;
    if (firstFolder === undefined) return undefined;
    const [folderKey, queue] = firstFolder;
    const check = queue.shift();
    folders.delete(folderKey);
    if (queue.length > 0) folders.set(folderKey, queue);
    if (folders.size > 0) this.#queues.set(owner, folders);
    return check;
  }

  #openWorker(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const plan = { entry: entryBeside(import.meta, './login-thread'), name: 'logins' };
    const worker = startWorker<CheckReply>(plan, {
      onMessage: (reply) => this.#take(reply),
      onCrash: this.#options.onTrouble,
      onExit: () => this.#lose(worker),
    });
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #take({ id, isRight }: CheckReply): void {
    const running = this.#running;
    if (running?.id !== id) return;
    this.#running = undefined;
    running.check.resolve(isRight);
    this.#next();
  }

  /** Nobody is let in because the thread that would have said no is gone. */
  #lose(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
    const running = this.#running;
    this.#running = undefined;
    running?.check.reject(new TerrafirmaError('thread-lost'));
    this.#next();
  }
}
