/**
 * The control plane's hold on the store thread: starts it, gives every thread a port to it, and
 * replaces it when it crashes. Edge: worker threads.
 */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { BackOff } from '../../threads/back-off.ts';
import { entryBeside, startWorker } from '../../threads/worker.ts';
import type {
  EngineState,
  FromWriter,
  SpaceChange,
  StoreStart,
  ToClient,
  ToWriter,
} from './messages.ts';
import type { ClusterAccess } from './nats/cluster-access.ts';
import { EngineCounts } from './nats/engine-counts.ts';

export interface StoreKeeperOptions extends Omit<StoreStart, 'guestBytes'> {
  /** Told when the file cannot be used, or a store thread crashed. For the operator's log. */
  readonly onTrouble: (message: string) => void;
}

/** The thread that is kept running. */
export interface StoreThread {
  readonly entry: URL;
  /** `workerData`, for each that is started. */
  readonly data: unknown;
  /** What the operator reads of a trouble. */
  readonly troubleOf: (reason: string) => string;
  readonly onTrouble: (message: string) => void;
  readonly onEngine?: (engine: EngineState) => void;
  readonly onFull?: (message: string) => void;
  /** Of an installation of several nodes. */
  readonly cluster?: ClusterAccess;
  /** The same; see `EngineCounts`. */
  readonly counts?: SharedArrayBuffer;
  /** Of one machine: one double, what guests have stored. */
  readonly guestBytes?: SharedArrayBuffer;
}

/** What is to be seen of the engine of several nodes. */
export interface EngineLook {
  readonly node: string;
  readonly state: EngineState;
  readonly counts: EngineCounts;
}

/** A clock that is further away orders no certificates, and the times of its files say nothing. */
const clockOffsetMsMax = 30_000;
const restarts = { msMin: 50, msMax: 5_000, steadyMs: Number.POSITIVE_INFINITY };

/**
 * Starts the store thread. Never throws for a damaged file: the daemon goes on, `onTrouble` names
 * the file, and every call is refused until the daemon is started with a good one. The file is left
 * where it is, because only its owner can tell whether it can be repaired.
 */
export function startStoreKeeper(options: StoreKeeperOptions): StoreKeeper {
  const { onTrouble, ...rest } = options;
  const guestBytes = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  const data: StoreStart = { ...rest, guestBytes };
  const rule = 'its file must be usable';
  return new StoreKeeper({
    entry: entryBeside(import.meta, './store-thread'),
    ...{ data, guestBytes, onTrouble },
    troubleOf: (reason) =>
      `Cannot use the shared store: ${rule}: ${options.databasePath}: ${reason}`,
  });
}

/** See `startStoreKeeper`. */
export class StoreKeeper {
  /** What clients are to be opened with; undefined on one machine. */
  readonly cluster: ClusterAccess | undefined;
  readonly #thread: StoreThread;
  readonly #clients = new Set<MessagePort>();
  readonly #closed = Promise.withResolvers<void>();
  #worker: Worker;
  #state: 'starting' | 'ready' | 'broken' | 'closing' = 'starting';
  #brokenMessage = '';
  #backOff = new BackOff(restarts);
  #restartTimer: NodeJS.Timeout | undefined;
  #engine: EngineState = {
    ...{ state: 'waiting', reason: undefined, isLost: false, isOpened: false },
    ...{ server: '', clockOffsetMs: 0 },
  };

  constructor(thread: StoreThread) {
    this.#thread = thread;
    this.cluster = thread.cluster;
    this.#worker = this.#spawn();
  }

  /** The name of this node, of several; undefined on one machine. */
  get node(): string | undefined {
    return this.cluster?.settings.node;
  }

  /** Undefined on one machine. */
  get engine(): EngineLook | undefined {
    const { counts } = this.#thread;
    const { node } = this;
    if (counts === undefined || node === undefined) return undefined;
    return { node, state: this.#engine, counts: new EngineCounts(counts) };
  }

  /** What guests have stored; undefined of several nodes, whose servers know it. */
  get guestBytes(): number | undefined {
    const { guestBytes } = this.#thread;
    return guestBytes === undefined ? undefined : new Float64Array(guestBytes)[0];
  }

  /** Whether times of this machine may be compared with those of other nodes. */
  get isClockTrusted(): boolean {
    return Math.abs(this.#engine.clockOffsetMs) < clockOffsetMsMax;
  }

  /** The port of one thread, to be transferred to it and given to a StoreClient. */
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
  reclaim(changes: readonly SpaceChange[]): void {
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
    return startWorker<FromWriter>(
      { entry: this.#thread.entry, name: 'shared store', data: this.#thread.data },
      {
        onMessage: (message) => this.#onMessage(message),
        onCrash: (detail) => this.#thread.onTrouble(this.#thread.troubleOf(detail)),
        onExit: () => this.#onExit(),
      },
    );
  }

  #onMessage(message: FromWriter): void {
    if (message.kind === 'trouble') {
      this.#thread.onTrouble(message.message);
      return;
    }
    if (message.kind === 'engine') {
      this.#engine = message.engine;
      // That it was closed is no fault for an operator to read of.
      if (this.#state !== 'closing') this.#thread.onEngine?.(message.engine);
      return;
    }
    if (message.kind === 'full') {
      this.#thread.onFull?.(message.message);
      return;
    }
    if (this.#state !== 'starting') return;
    if (message.kind === 'ready') {
      this.#state = 'ready';
      this.#backOff = new BackOff(restarts);
      for (const client of this.#clients) this.#introduce(client);
      return;
    }
    this.#state = 'broken';
    this.#brokenMessage = message.message;
    this.#thread.onTrouble(this.#thread.troubleOf(message.message));
    for (const client of this.#clients) tellClient(client, this.#brokenNews());
  }

  #onExit(): void {
    if (this.#state === 'closing') this.#finish();
    if (this.#state === 'closing' || this.#state === 'broken') return;
    this.#state = 'starting';
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = undefined;
      this.#worker = this.#spawn();
    }, this.#backOff.next(0));
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
    return {
      kind: 'broken',
      message: `its file is unusable: ${withoutPaths(this.#brokenMessage)}`,
    };
  }
}

function withoutPaths(text: string): string {
  return text.replaceAll(/\/\S+/g, '(a file)');
}

function tellClient(client: MessagePort, message: ToClient, transferred: MessagePort[] = []): void {
  client.postMessage(message, transferred);
}
