/**
 * The shared store as one thread sees it. Edge: reads go to the SQLite file by this thread's own
 * read-only connection, writes go to the one store thread as messages.
 *
 * A write is answered after its commit and every read begins after the last answer, so whoever
 * wrote reads what it wrote.
 */
import type { MessagePort } from 'node:worker_threads';
import type {
  Blobs,
  Change,
  ChangeResult,
  CommitResult,
  Entry,
  ListedKey,
  ListOptions,
  Notice,
  ReadOptions,
  SharedStore,
  Space,
  StoreError,
  Watch,
  Write,
  WriteOptions,
} from './contract.ts';
import type {
  FromStore,
  StoreQuestion,
  StoreReply,
  ToClient,
  ToStore,
  WriteAnswer,
  WriteRequest,
} from './messages.ts';
import { changeResult, commitResult, fromRecord, requestOf } from './requests.ts';
import { SqliteReader } from './sqlite-reader.ts';
import { unavailable, unreadable, WaitingWrites } from './waiting-writes.ts';
import { requireChange, requireCommit } from './write-rules.ts';

export interface StoreClientOptions {
  /** From `StoreKeeper.connect()`. */
  readonly port: MessagePort;
  readonly databasePath: string;
  readonly blobs: Blobs;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** How much later than asked for a writer may answer that tells by itself when it is too late. */
  readonly answerGraceMs?: number;
}

interface OpenWatch {
  readonly space: Space;
  readonly listener: (notice: Notice) => void;
  readonly ready: PromiseWithResolvers<void>;
  isReady: boolean;
}

export class StoreClient implements SharedStore {
  readonly blobs: Blobs;
  readonly #options: StoreClientOptions;
  readonly #waiting: WaitingWrites;
  readonly #watches = new Map<number, OpenWatch>();
  readonly #asked = new Map<number, PromiseWithResolvers<StoreReply>>();
  readonly #stateListeners: (() => void)[] = [];
  #state: SharedStore['state'] = 'waiting';
  #connected = Promise.withResolvers<void>();
  #writer: MessagePort | undefined;
  #outbox: WriteRequest[] = [];
  #isFlushPlanned = false;
  #nextId = 0;
  #broken: string | undefined;
  #reader: SqliteReader | undefined;

  constructor(options: StoreClientOptions) {
    this.#options = options;
    this.blobs = options.blobs;
    this.#waiting = new WaitingWrites({ unsend: (id) => this.#unsend(id) });
    options.port.on('message', (message: ToClient) => this.#obey(message));
    options.port.on('close', () => this.#fail('it was closed'));
  }

  get state(): SharedStore['state'] {
    return this.#state;
  }

  onState(listener: () => void): void {
    this.#stateListeners.push(listener);
  }

  /** On the road of a request: it waits for nothing where the file is open. */
  read(
    space: Space,
    keys: readonly Uint8Array[],
    options?: ReadOptions,
  ): Promise<readonly (Entry | undefined)[]> {
    const opened = this.#broken === undefined ? this.#reader : undefined;
    if (opened === undefined || options?.signal !== undefined) {
      return this.#openReader(options?.signal).then((reader) => this.#read(reader, space, keys));
    }
    try {
      return Promise.resolve(this.#read(opened, space, keys));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async commit(
    space: Space,
    writes: readonly Write[],
    options: WriteOptions,
  ): Promise<CommitResult> {
    requireCommit(writes);
    return commitResult(await this.#send(space, writes, options), writes);
  }

  change(space: Space, change: Change, options: WriteOptions): Promise<ChangeResult> {
    try {
      requireChange(change);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#send(space, [change], options).then(changeResult);
  }

  async list(
    space: Space,
    options: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    const reader = await this.#openReader();
    try {
      return reader.list(space, options, this.#options.nowMs());
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  watch(space: Space, listener: (notice: Notice) => void): Watch {
    const id = this.#nextId++;
    const ready = Promise.withResolvers<void>();
    ready.promise.catch(() => undefined);
    const watch = { space, listener, ready, isReady: false };
    this.#watches.set(id, watch);
    if (this.#broken === undefined) this.#tell({ kind: 'watch', id, space });
    else ready.reject(unavailable(this.#broken));
    return {
      ready: ready.promise,
      close: () => {
        if (this.#watches.delete(id)) this.#tell({ kind: 'unwatch', id });
      },
    };
  }

  /** Asks the writer for what is in no file of this machine. Rejects with StoreError. */
  async ask(question: StoreQuestion, signal?: AbortSignal): Promise<StoreReply> {
    if (signal?.aborted === true) throw unavailable('nobody waits for the answer any more');
    if (this.#broken === undefined && this.#writer === undefined) await this.#connected.promise;
    if (this.#broken !== undefined) throw unavailable(this.#broken);
    const id = this.#nextId++;
    const asked = Promise.withResolvers<StoreReply>();
    this.#asked.set(id, asked);
    this.#tell({ kind: 'ask', id, question });
    const reply = await asked.promise;
    if (reply.kind === 'error') throw fromRecord(reply.error);
    return reply;
  }

  /** Refuses what still waits and closes the file. */
  close(): Promise<void> {
    this.#fail('it was closed');
    this.#writer?.close();
    this.#writer = undefined;
    this.#options.port.close();
    this.#reader?.close();
    this.#reader = undefined;
    return Promise.resolve();
  }

  #read(
    reader: SqliteReader,
    space: Space,
    keys: readonly Uint8Array[],
  ): readonly (Entry | undefined)[] {
    const { nowMs } = this.#options;
    const [first] = keys;
    try {
      if (keys.length === 1 && first !== undefined) return [reader.read(space, first, nowMs)];
      return keys.map((key) => reader.read(space, key, nowMs));
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  #send(
    space: Space,
    writes: readonly (Write | Change)[],
    options: WriteOptions,
  ): Promise<WriteAnswer> {
    if (this.#broken !== undefined) return Promise.reject(unavailable(this.#broken));
    if (options.deadlineMs <= 0 || options.signal?.aborted === true) {
      return Promise.reject(unavailable('there is no time left for an answer'));
    }
    const id = this.#nextId++;
    const { answerGraceMs = 0, nowMs } = this.#options;
    const { deadlineMs } = options;
    this.#outbox.push(requestOf(id, space, { writes, nowMs: nowMs(), waitMs: deadlineMs }));
    this.#planFlush();
    return this.#waiting.enter(id, { ...options, deadlineMs: deadlineMs + answerGraceMs });
  }

  #obey(message: ToClient): void {
    if (message.kind === 'broken') {
      this.#fail(message.message);
      return;
    }
    const { port } = message;
    this.#writer = port;
    this.#broken = undefined;
    port.on('message', (news: FromStore) => this.#hear(news));
    port.on('close', () => this.#loseWriter(port));
    for (const [id, watch] of this.#watches) this.#tell({ kind: 'watch', id, space: watch.space });
    this.#connected.resolve();
    this.#planFlush();
    this.#enter('ready');
  }

  #hear(news: FromStore): void {
    if (news.kind === 'answers') {
      for (const answer of news.answers) this.#waiting.settle(answer);
      return;
    }
    if (news.kind === 'state') {
      this.#enter(news.state);
      return;
    }
    if (news.kind === 'told') {
      this.#asked.get(news.id)?.resolve(news.reply);
      this.#asked.delete(news.id);
      return;
    }
    const watch = this.#watches.get(news.id);
    if (watch === undefined) return;
    if (news.kind === 'notices') {
      for (const notice of news.notices) watch.listener(notice);
      return;
    }
    // A writer was lost in between: what was committed then was told to nobody.
    if (watch.isReady) watch.listener('reset');
    watch.isReady = true;
    watch.ready.resolve();
  }

  /** Everything one turn of the event loop asked for leaves as one message. */
  #planFlush(): void {
    if (this.#isFlushPlanned || this.#writer === undefined || this.#outbox.length === 0) return;
    this.#isFlushPlanned = true;
    queueMicrotask(() => {
      this.#isFlushPlanned = false;
      if (this.#writer === undefined || this.#outbox.length === 0) return;
      // They are copies of our own: moved, large values are not copied once more.
      const moved = this.#outbox.flatMap(({ writes }) => writes.flatMap(buffersOf));
      this.#tell({ kind: 'write', requests: this.#outbox }, moved);
      this.#outbox = [];
    });
  }

  #unsend(id: number): boolean {
    const before = this.#outbox.length;
    this.#outbox = this.#outbox.filter((request) => request.id !== id);
    return this.#outbox.length < before;
  }

  /**
   * What was sent to a writer that died may or may not be stored, and sending it again could append
   * twice: `unknown`. What was not sent yet waits for the next writer.
   */
  #loseWriter(port: MessagePort): void {
    if (this.#writer !== port) return;
    this.#writer = undefined;
    this.#connected = Promise.withResolvers<void>();
    this.#waiting.loseAllBut(new Set(this.#outbox.map(({ id }) => id)));
    this.#refuseAsked(unavailable('its writer was lost'));
    this.#enter('waiting');
  }

  #fail(reason: string): void {
    this.#broken = reason;
    this.#outbox = [];
    const error = unavailable(reason);
    this.#waiting.rejectAll(error);
    this.#refuseAsked(error);
    for (const { ready } of this.#watches.values()) ready.reject(error);
    this.#connected.resolve();
    this.#enter('refused');
  }

  #refuseAsked(error: StoreError): void {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }

  #enter(state: SharedStore['state']): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#stateListeners) listener();
  }

  /** The file has its tables once a writer has been there; later it is read also without one. */
  async #openReader(signal?: AbortSignal): Promise<SqliteReader> {
    if (signal?.aborted === true) throw unavailable('nobody waits for the answer any more');
    if (this.#broken === undefined && this.#reader !== undefined) return this.#reader;
    if (this.#broken === undefined) await this.#connected.promise;
    if (this.#broken !== undefined) throw unavailable(this.#broken);
    try {
      this.#reader ??= new SqliteReader(this.#options.databasePath);
      return this.#reader;
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  #tell(message: ToStore, moved: readonly ArrayBuffer[] = []): void {
    this.#writer?.postMessage(message, [...moved]);
  }
}

function buffersOf({ key, value, meta }: WriteRequest['writes'][number]): readonly ArrayBuffer[] {
  return meta === undefined ? [key.buffer, value.buffer] : [key.buffer, value.buffer, meta.buffer];
}
