/**
 * The key-value store as a serving thread sees it. Edge: reads go to the SQLite file by this
 * thread's own read-only connection, writes go to the one writer thread as messages.
 *
 * A write is answered after its commit and every read begins after the last answer, so a guest
 * always reads what it wrote. The guest is suspended meanwhile: that is the back-pressure.
 */

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { MessagePort } from 'node:worker_threads';
import type { Account } from '../../account/account.ts';
import { Counts } from '../../account/counts.ts';
import { mayHold } from '../../account/threshold.ts';
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import { type FolderKey, type ModulePath, type OwnerKey, ownerOf } from '../../names.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { KeyValue } from './contract.ts';
import type {
  NamespaceName,
  ToClient,
  WriteAnswer,
  WriteOperation,
  WriteRequest,
} from './messages.ts';

export type KeyValueLimits = Pick<
  Limits,
  'kvKeyBytesMax' | 'kvValueBytesMax' | 'kvOperationsPerRunMax' | 'kvQueuedBytesMax'
>;

interface Waiting {
  readonly resolve: (wasPresent: boolean) => void;
  readonly reject: (refusal: CapabilityRefusal) => void;
  readonly owner: OwnerKey;
  readonly bytes: number;
}

const readValueSql = `
  SELECT entries.value FROM namespaces
  JOIN entries ON entries.namespace = namespaces.id
  WHERE namespaces.folder_key = ? AND namespaces.module_path = ? AND entries.key = ?`;

const busyTimeoutMs = 2_000;
const noBytes = new Uint8Array(0);
/** What a waiting write weighs beside its key and value: empty ones are bounded too. */
const requestBytes = 100;

export interface KeyValueClientOptions {
  /** From `KeyValueWriter.connect()`. */
  readonly port: MessagePort;
  readonly databasePath: string;
  readonly limits: KeyValueLimits;
  /** Where what waits is charged to its owner; left out where a run is alone in its process. */
  readonly account?: Account | undefined;
}

/** One a serving thread. */
export class KeyValueClient {
  readonly #port: MessagePort;
  readonly #databasePath: string;
  readonly #limits: KeyValueLimits;
  readonly #account: Account | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #connected = Promise.withResolvers<void>();
  #writer: MessagePort | undefined;
  #outbox: WriteRequest[] = [];
  #isFlushPlanned = false;
  readonly #queuedBytes = new Counts<OwnerKey>();
  #nextId = 0;
  #broken: string | undefined;
  #reader: { readonly database: DatabaseSync; readonly readValue: StatementSync } | undefined;

  constructor({ port, databasePath, limits, account }: KeyValueClientOptions) {
    this.#port = port;
    this.#databasePath = databasePath;
    this.#limits = limits;
    this.#account = account;
    port.on('message', (message: ToClient) => this.#obey(message));
    port.on('close', () => this.#fail('the key-value store was closed'));
  }

  /** The store of one module for one run: operations are counted from zero. */
  namespace(folderKey: FolderKey, modulePath: ModulePath): KeyValue {
    return new RunNamespace(this, this.#limits, { folderKey, modulePath });
  }

  /** @internal The value of `key`, or undefined. Rejects with CapabilityRefusal. */
  async read(name: NamespaceName, key: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#writer === undefined) await this.#whenConnected();
    try {
      const row = this.#openReader().get(name.folderKey, name.modulePath, key);
      const value = row?.value;
      return value instanceof Uint8Array ? value : undefined;
    } catch (error) {
      throw new CapabilityRefusal(
        'unavailable',
        'Cannot read from the key-value store: its file must be readable: reading it failed',
        { cause: error },
      );
    }
  }

  /**
   * @internal Resolves after the commit to whether `key` was there before. Takes copies: the
   * guest's memory may change or be given to the next run before the writer has looked.
   */
  write(
    operation: WriteOperation,
    entry: { readonly name: NamespaceName; readonly key: Uint8Array; readonly value?: Uint8Array },
  ): Promise<boolean> {
    const value = entry.value ?? noBytes;
    const bytes = entry.key.byteLength + value.byteLength + requestBytes;
    if (this.#broken !== undefined) return Promise.reject(this.#unavailable(this.#broken));
    const owner = ownerOf(entry.name.folderKey);
    const refusal = this.#refusalOf(owner, bytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    const id = this.#nextId++;
    const key = new Uint8Array(entry.key);
    this.#outbox.push({ id, operation, ...entry.name, key, value: new Uint8Array(value) });
    this.#planFlush();
    return new Promise((resolve, reject) => {
      this.#enter(id, { resolve, reject, owner, bytes });
    });
  }

  /** Refuses what still waits and closes the file. Call it when no run is left. */
  close(): void {
    this.#fail('the key-value store was closed');
    this.#writer?.close();
    this.#writer = undefined;
    this.#port.close();
    this.#reader?.database.close();
    this.#reader = undefined;
  }

  #obey(message: ToClient): void {
    if (message.kind === 'broken') {
      this.#fail(message.message);
      return;
    }
    this.#writer = message.port;
    this.#broken = undefined;
    message.port.on('message', (answers: readonly WriteAnswer[]) => this.#settle(answers));
    message.port.on('close', () => this.#loseWriter(message.port));
    this.#connected.resolve();
    this.#planFlush();
  }

  /** Everything one turn of the event loop asked for leaves as one message. */
  #planFlush(): void {
    if (this.#isFlushPlanned || this.#writer === undefined || this.#outbox.length === 0) return;
    this.#isFlushPlanned = true;
    queueMicrotask(() => {
      this.#isFlushPlanned = false;
      if (this.#writer === undefined) return;
      // They are copies of our own: moved, large values are not copied once more.
      const moved = this.#outbox.flatMap(({ key, value }) => [key.buffer, value.buffer]);
      this.#writer.postMessage(this.#outbox, moved);
      this.#outbox = [];
    });
  }

  /** Of what may wait, an owner gets no more than is left for the others. */
  #refusalOf(owner: OwnerKey, bytes: number): CapabilityRefusal | undefined {
    const max = this.#limits.kvQueuedBytesMax;
    const held = this.#queuedBytes.total;
    const own = this.#queuedBytes.of(owner);
    if (mayHold({ max, held, own, added: bytes })) return undefined;
    const rule = `at most ${inBytes(max)} may wait to be stored, of one owner as many as are left`;
    const received = `received ${bytes} bytes while ${own} of ${held} wait; try again`;
    return new CapabilityRefusal('limit', `Cannot store: ${rule}: ${received}`);
  }

  #enter(id: number, waiting: Waiting): void {
    this.#waiting.set(id, waiting);
    this.#count(waiting.owner, waiting.bytes);
  }

  #leave(id: number, waiting: Waiting): void {
    this.#waiting.delete(id);
    this.#count(waiting.owner, -waiting.bytes);
  }

  #count(owner: OwnerKey, bytes: number): void {
    this.#queuedBytes.add(owner, bytes);
    this.#account?.shareOf(owner).charge('key-value', bytes);
  }

  #settle(answers: readonly WriteAnswer[]): void {
    for (const answer of answers) {
      const waiting = this.#waiting.get(answer.id);
      if (waiting === undefined) continue;
      this.#leave(answer.id, waiting);
      if ('wasPresent' in answer) waiting.resolve(answer.wasPresent);
      else waiting.reject(new CapabilityRefusal(answer.refusal.kind, answer.refusal.message));
    }
  }

  /**
   * What was sent to a writer that died may or may not be stored, and sending it again could append
   * twice. So it is refused; what was not sent yet waits for the next writer.
   */
  #loseWriter(port: MessagePort): void {
    if (this.#writer !== port) return;
    this.#writer = undefined;
    this.#connected = Promise.withResolvers<void>();
    const unsent = new Set(this.#outbox.map((request) => request.id));
    const refusal = new CapabilityRefusal(
      'unavailable',
      'Cannot tell whether the value was stored: the key-value writer was lost: read it again',
    );
    for (const [id, waiting] of this.#waiting) {
      if (unsent.has(id)) continue;
      this.#leave(id, waiting);
      waiting.reject(refusal);
    }
  }

  #fail(reason: string): void {
    this.#broken = reason;
    this.#outbox = [];
    const refusal = this.#unavailable(reason);
    for (const [id, waiting] of this.#waiting) {
      this.#leave(id, waiting);
      waiting.reject(refusal);
    }
    this.#connected.resolve();
  }

  async #whenConnected(): Promise<void> {
    if (this.#broken === undefined) await this.#connected.promise;
    if (this.#broken !== undefined) throw this.#unavailable(this.#broken);
  }

  #unavailable(reason: string): CapabilityRefusal {
    return new CapabilityRefusal('unavailable', `Cannot use the key-value store: ${reason}`);
  }

  #openReader(): StatementSync {
    if (this.#reader === undefined) {
      const database = new DatabaseSync(this.#databasePath, {
        readOnly: true,
        timeout: busyTimeoutMs,
      });
      this.#reader = { database, readValue: database.prepare(readValueSql) };
    }
    return this.#reader.readValue;
  }
}

/** The door: sizes and counts are checked here, once. */
class RunNamespace implements KeyValue {
  readonly #client: KeyValueClient;
  readonly #limits: KeyValueLimits;
  readonly #name: NamespaceName;
  #operations = 0;

  constructor(client: KeyValueClient, limits: KeyValueLimits, name: NamespaceName) {
    this.#client = client;
    this.#limits = limits;
    this.#name = name;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#admit('read', key);
    return this.#client.read(this.#name, key);
  }

  async insert(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    this.#admit('store', key, value);
    return !(await this.#client.write('insert', { name: this.#name, key, value }));
  }

  async insertIfAbsent(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    this.#admit('store', key, value);
    return !(await this.#client.write('insert-if-absent', { name: this.#name, key, value }));
  }

  async append(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    this.#admit('append', key, value);
    return !(await this.#client.write('append', { name: this.#name, key, value }));
  }

  async remove(key: Uint8Array): Promise<boolean> {
    this.#admit('remove', key);
    return this.#client.write('remove', { name: this.#name, key });
  }

  #admit(verb: string, key: Uint8Array, value: Uint8Array = noBytes): void {
    const { kvKeyBytesMax, kvValueBytesMax, kvOperationsPerRunMax } = this.#limits;
    this.#operations += 1;
    if (this.#operations > kvOperationsPerRunMax) {
      const rule = `a run may use the key-value store ${kvOperationsPerRunMax} times`;
      throw new CapabilityRefusal('limit', `Cannot ${verb}: ${rule}: received one more`);
    }
    if (key.byteLength > kvKeyBytesMax) {
      const rule = `a key has at most ${inBytes(kvKeyBytesMax)}`;
      throw new CapabilityRefusal('limit', `Cannot ${verb}: ${rule}: received ${key.byteLength}`);
    }
    if (value.byteLength > kvValueBytesMax) {
      const rule = `a value has at most ${inBytes(kvValueBytesMax)}`;
      throw new CapabilityRefusal('limit', `Cannot ${verb}: ${rule}: received ${value.byteLength}`);
    }
  }
}
