/**
 * The control plane's hold on the key-value writer: starts its thread, gives every serving thread
 * a port to it, and replaces it when it crashes. Edge: worker threads.
 */
import { extname, join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { describeError } from '../../errors.ts';
import type {
  FromWriter,
  NamespaceChange,
  StoreLimits,
  ToClient,
  ToWriter,
  WriterStart,
} from './messages.ts';

export interface KeyValueWriterOptions {
  readonly databasePath: string;
  readonly synchronous: 'normal' | 'full';
  readonly limits: StoreLimits;
  readonly renamed?: WriterStart['renamed'];
  /** Told when the file cannot be used, or a writer crashed. For the operator's log. */
  readonly onTrouble: (message: string) => void;
}

const restartDelayMsMin = 50;
const restartDelayMsMax = 5_000;

/** Where the key-value file is within the state directory. */
export function keyValueDatabasePath(stateDirectory: string): string {
  return join(stateDirectory, 'kv.sqlite');
}

/**
 * Starts the writer thread. Never throws for a damaged file: the daemon goes on, `onTrouble` names
 * the file, and every key-value call is refused until the daemon is started with a good one. The
 * file is left where it is, because only its owner can tell whether it can be repaired.
 */
export function startKeyValueWriter(options: KeyValueWriterOptions): KeyValueWriter {
  return new KeyValueWriter(options);
}

/** See `startKeyValueWriter`. */
export class KeyValueWriter {
  readonly #start: WriterStart;
  readonly #onTrouble: (message: string) => void;
  readonly #clients = new Set<MessagePort>();
  readonly #closed = Promise.withResolvers<void>();
  #worker: Worker;
  #state: 'starting' | 'ready' | 'broken' | 'closing' = 'starting';
  #brokenMessage = '';
  #restartDelayMs = restartDelayMsMin;
  #restartTimer: NodeJS.Timeout | undefined;

  constructor(options: KeyValueWriterOptions) {
    const { databasePath, synchronous, limits, renamed } = options;
    this.#start = { databasePath, synchronous, limits, renamed };
    this.#onTrouble = options.onTrouble;
    this.#worker = this.#spawn();
  }

  /** The port of one serving thread, to be transferred to it and given to a KeyValueClient. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    // The daemon lives by its listeners, not by this port.
    port1.unref();
    this.#clients.add(port1);
    port1.on('close', () => this.#clients.delete(port1));
    if (this.#state === 'ready') this.#introduce(port1);
    if (this.#state === 'broken') tellClient(port1, this.#brokenNews());
    return port2;
  }

  /** Tells the writer what has become of modules. Lost while there is no writer: tell again. */
  reclaim(changes: readonly NamespaceChange[]): void {
    if (this.#state === 'ready') this.#tellWorker({ kind: 'reclaim', changes }, []);
  }

  /** Ends the thread after it has committed and answered all that was sent to it. */
  close(): Promise<void> {
    if (this.#state === 'closing') return this.#closed.promise;
    const isRunning = this.#state === 'ready' || this.#state === 'starting';
    this.#state = 'closing';
    clearTimeout(this.#restartTimer);
    if (isRunning) this.#tellWorker({ kind: 'close' }, []);
    if (!isRunning || this.#restartTimer !== undefined) this.#finish();
    return this.#closed.promise;
  }

  #spawn(): Worker {
    // The sources run as they are (.ts) and published as JavaScript (.js).
    const entry = `./writer-thread${extname(import.meta.filename)}`;
    const worker = new Worker(new URL(entry, import.meta.url), {
      name: 'key-value writer',
      workerData: this.#start,
    });
    worker.on('message', (message: FromWriter) => this.#hear(message));
    worker.on('error', (error) => this.#onTrouble(this.#trouble(describeError(error))));
    worker.on('exit', () => this.#outlive());
    return worker;
  }

  #hear(message: FromWriter): void {
    if (this.#state !== 'starting') return;
    if (message.kind === 'ready') {
      this.#state = 'ready';
      this.#restartDelayMs = restartDelayMsMin;
      for (const client of this.#clients) this.#introduce(client);
      return;
    }
    this.#state = 'broken';
    this.#brokenMessage = message.message;
    this.#onTrouble(this.#trouble(message.message));
    for (const client of this.#clients) tellClient(client, this.#brokenNews());
  }

  #outlive(): void {
    if (this.#state === 'closing') this.#finish();
    if (this.#state === 'closing' || this.#state === 'broken') return;
    this.#state = 'starting';
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = undefined;
      this.#worker = this.#spawn();
    }, this.#restartDelayMs);
    this.#restartDelayMs = Math.min(this.#restartDelayMs * 2, restartDelayMsMax);
  }

  #finish(): void {
    for (const client of this.#clients) client.close();
    this.#closed.resolve();
  }

  #introduce(client: MessagePort): void {
    const { port1, port2 } = new MessageChannel();
    this.#tellWorker({ kind: 'connect', port: port1 }, [port1]);
    tellClient(client, { kind: 'writer', port: port2 }, [port2]);
  }

  #tellWorker(message: ToWriter, transferred: MessagePort[]): void {
    this.#worker.postMessage(message, transferred);
  }

  /** What guests' owners read: no path of this machine. */
  #brokenNews(): ToClient {
    return { kind: 'broken', message: `its file is unusable: ${this.#brokenMessage}` };
  }

  #trouble(reason: string): string {
    const { databasePath } = this.#start;
    return `Cannot use the key-value store: its file must be usable: ${databasePath}: ${reason}`;
  }
}

function tellClient(client: MessagePort, message: ToClient, transferred: MessagePort[] = []): void {
  client.postMessage(message, transferred);
}
