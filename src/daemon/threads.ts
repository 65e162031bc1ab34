/**
 * The serving threads as the control plane sees them: started, watched by their heartbeat, replaced
 * with back-off when they crash or hang, told the news, drained. Touches worker threads.
 */
import type { Worker } from 'node:worker_threads';
import { Account } from '../account/account.ts';
import { giveHeapsRoom } from '../account/heap-room.ts';
import { Overseer } from '../account/overseer.ts';
import { Tidy } from '../account/tidy.ts';
import type { ControlSides } from '../capability/control.ts';
import type { Config, Endpoint } from '../config/config.ts';
import { describeError, fromErrorRecord, TerrafirmaError, toErrorRecord } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogQueueMemory } from '../journal/log-queue.ts';
import { SocketCalls } from '../outside/sockets/system-calls.ts';
import type { BanRules } from '../site/bans.ts';
import type { Site } from '../site/table.ts';
import { BackOff } from '../threads/back-off.ts';
import { clearGauges, createGauges, gaugesOf, type ThreadLook } from '../threads/gauges.ts';
import { createLedger, glanceAt } from '../threads/ledger.ts';
import type {
  Answers,
  CronEnd,
  CronOrder,
  Digest,
  Question,
  ThreadStart,
  ToControl,
  ToThread,
} from '../threads/messages.ts';
import type { OperatorAnswer, OperatorQuestion } from '../threads/operator-messages.ts';
import { optimiseSoon } from '../threads/tier-up.ts';
import { entryBeside, startWorker } from '../threads/worker.ts';
import { CallsAtTheirTime } from './cron/calls.ts';
import { OperatorQuestions } from './operator-questions.ts';
import { coreMsOf, Turning } from './turning.ts';

const glanceMs = 250;
const backOff = { msMin: 50, msMax: 10_000, steadyMs: 30_000 };
/** Beyond the drain limit a thread gets this long to say that it is done. */
const drainGraceMs = 1_000;

export interface ThreadsOptions {
  readonly config: Config;
  readonly journal: Journal;
  /** What the whole process holds; see `account/account.ts`. */
  readonly account: SharedArrayBuffer;
  /** The queue of each thread to the log writer; a thread's successor gets the same one. */
  readonly logQueueOf: (threadNumber: number) => LogQueueMemory;
  /** The same for its traces; undefined where none are made. */
  readonly traceQueueOf: (threadNumber: number) => LogQueueMemory | undefined;
  readonly counterPageOf: (threadNumber: number) => SharedArrayBuffer;
  readonly answer: (question: Question) => Promise<Answers[keyof Answers]>;
  readonly capabilities: Pick<ControlSides, 'connectThread'>;
  /** Whom the operator has banned, now. */
  readonly bans: () => BanRules;
  /** A guest of a module was made. */
  readonly onReady: (digest: Digest) => void;
  /** The keys of session tickets now; undefined without TLS. */
  readonly ticketKeys: () => Uint8Array | undefined;
}

/** What all threads listen on: real ports. */
export interface ThreadEndpoints {
  readonly plain: readonly Endpoint[];
  readonly tls: readonly Endpoint[];
}

interface ServingThread {
  readonly worker: Worker;
  readonly number: number;
  readonly startedAtMs: number;
  turning: Turning;
  isListening: boolean;
  isStuck: boolean;
  /** See `serve/system-thread.ts`. */
  systemThread: string | undefined;
}

export class ServingThreads {
  readonly #options: ThreadsOptions;
  /** As it is in force now. */
  #config: Config;
  readonly #ledger: SharedArrayBuffer;
  readonly #overseer: Overseer;
  /** Of the control plane's own memory. */
  readonly #tidy: Tidy;
  readonly #threads = new Map<number, ServingThread>();
  readonly #backOffs = new Map<number, BackOff>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #calls = new CallsAtTheirTime();
  readonly #questions = new OperatorQuestions();
  readonly #gauges: SharedArrayBuffer;
  readonly #replaced = { crashed: 0, stuck: 0 };
  #endpoints: ThreadEndpoints = { plain: [], tls: [] };
  #socketCalls: SocketCalls | undefined;
  #glance: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(options: ThreadsOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#ledger = createLedger(options.config.threads);
    this.#gauges = createGauges(options.config.threads);
    const { idleGuestMsMax } = options.config.limits;
    this.#overseer = new Overseer({ shared: options.account, idleGuestMsMax });
    // Some 15 ms for all arenas: no visitor waits for this thread.
    this.#tidy = new Tidy(new Account(options.account, 'control'), { trimsToo: true });
  }

  /** Starts all threads. Resolves when every one listens; rejects when one cannot. */
  async start(endpoints: ThreadEndpoints): Promise<void> {
    this.#endpoints = endpoints;
    const { threads, processMemoryBytesMax: bytesMax } = this.#options.config;
    giveHeapsRoom({ threads, bytesMax });
    optimiseSoon();
    const numbers = Array.from({ length: threads }, (_, number) => number);
    await Promise.all(numbers.map((number) => this.#startThread(number)));
    this.#overseer.begin();
    this.#glance = setInterval(() => this.#lookAtAll(performance.now()), glanceMs);
  }

  /** Tells every thread about a folder's new site. */
  publish(site: Site): void {
    this.tell({ kind: 'published', site });
  }

  /** Every thread stops accepting and finishes what it has, within `limitMs` at most. */
  async drain(limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#glance);
    for (const timer of this.#restarts) clearTimeout(timer);
    const drainMs = Math.min(limitMs, this.#options.config.limits.drainMs);
    const gone = [...this.#threads.values()].map(
      ({ worker }) => new Promise<void>((resolve) => worker.once('exit', () => resolve())),
    );
    this.tell({ kind: 'drain', drainMs });
    const force = setTimeout(() => void this.terminate(), drainMs + drainGraceMs);
    await Promise.all(gone);
    clearTimeout(force);
  }

  /** Ends every thread at once. */
  async terminate(): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#glance);
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all([...this.#threads.values()].map(({ worker }) => worker.terminate()));
  }

  /** What may change while threads run holds from now on, also for those to come. */
  reconfigure(config: Config): void {
    this.#config = config;
    this.tell({ kind: 'reconfigured', config });
  }

  /** Tells every thread. */
  tell(message: ToThread): void {
    for (const { worker } of this.#threads.values()) worker.postMessage(message);
  }

  /** What whoever operates the daemon asks of all threads. */
  ask(question: OperatorQuestion): Promise<readonly OperatorAnswer[]> {
    const workers = [...this.#threads.values()].map(({ worker }) => worker);
    return this.#questions.ask(question, workers);
  }

  /** What is to be seen of each thread without asking it. */
  looks(): readonly ThreadLook[] {
    const nowMs = performance.now();
    return [...this.#threads.values()].map(({ number, isListening, startedAtMs, turning }) => ({
      number,
      isListening,
      ageMs: nowMs - startedAtMs,
      beatAgeMs: turning.beatAgeMs(nowMs),
      gauges: gaugesOf(this.#gauges, number),
    }));
  }

  /** Threads that took the place of others, by why. */
  get replaced(): Readonly<Record<'crashed' | 'stuck', number>> {
    return this.#replaced;
  }

  /**
   * Has a module called by one of the threads, by turns. Rejects when the thread ends before it has
   * said how the call ended, or says nothing for `limitMs`.
   */
  callAtItsTime(order: CronOrder, limitMs: number): Promise<CronEnd> {
    return this.#calls.begin(order, [...this.#threads.values()], limitMs);
  }

  async #startThread(number: number): Promise<void> {
    const { capabilities, journal } = this.#options;
    const config = this.#config;
    const { starts, transfer } = capabilities.connectThread();
    const start: ThreadStart = {
      config,
      threadNumber: number,
      endpoints: this.#endpoints.plain.map((endpoint) => this.#ownSocket(endpoint)),
      tlsEndpoints: this.#endpoints.tls.map((endpoint) => this.#ownSocket(endpoint)),
      ticketKeys: this.#options.ticketKeys(),
      reusePort: config.threads > 1,
      ledger: this.#ledger,
      account: this.#options.account,
      logQueue: this.#options.logQueueOf(number),
      traceQueue: this.#options.traceQueueOf(number),
      counterPage: this.#options.counterPageOf(number),
      gauges: this.#gauges,
      bans: this.#options.bans(),
      capabilities: starts,
    };
    const listening = Promise.withResolvers<void>();
    const worker = startWorker<ToControl>(
      {
        entry: entryBeside(import.meta, '../serve/thread'),
        name: `serving thread ${number}`,
        data: start,
        transfer,
      },
      {
        onMessage: (message) => this.#hear(thread, message, listening),
        onCrash: (errorDetail) => {
          journal.tell('thread-crashed', { threadNumber: number, errorDetail });
        },
        onExit: () => {
          listening.reject(new TerrafirmaError('start', 'Cannot start a serving thread: it ended'));
          this.#replace(thread);
        },
      },
    );
    const nowMs = performance.now();
    const thread: ServingThread = {
      worker,
      number,
      startedAtMs: nowMs,
      turning: new Turning(config.limits.threadStuckMs, nowMs),
      isListening: false,
      isStuck: false,
      systemThread: undefined,
    };
    this.#threads.set(number, thread);
    await listening.promise;
  }

  /**
   * One thread's close would close an inherited socket for all of them, and every later request
   * would hang: each thread has a descriptor of its own.
   */
  #ownSocket(endpoint: Endpoint): Endpoint {
    if (endpoint.descriptor === undefined) return endpoint;
    this.#socketCalls ??= SocketCalls.open();
    const descriptor = this.#socketCalls?.duplicate(endpoint.descriptor);
    if (descriptor !== undefined) return { ...endpoint, descriptor };
    throw new TerrafirmaError('start', 'Cannot start a serving thread: no descriptor is left');
  }

  #hear(thread: ServingThread, message: ToControl, listening: PromiseWithResolvers<void>): void {
    if (message.kind === 'listening') {
      thread.isListening = true;
      thread.systemThread = message.systemThread;
      const { threadStuckMs } = this.#options.config.limits;
      thread.turning = new Turning(threadStuckMs, performance.now());
      listening.resolve();
    } else if (message.kind === 'listen-failed') {
      listening.reject(fromErrorRecord(message.error));
      void thread.worker.terminate();
    } else if (message.kind === 'module-ready') this.#options.onReady(message.digest);
    else if (message.kind === 'cron-ended') this.#calls.end(message.id, message.end);
    else if (message.kind === 'operator-answer') this.#questions.take(message.id, message.answer);
    else void this.#answer(thread.worker, message.id, message.question);
  }

  async #answer(worker: Worker, id: number, question: Question): Promise<void> {
    const tell = (reply: ToThread): void => worker.postMessage(reply);
    try {
      tell({ kind: 'answer', id, value: await this.#options.answer(question) });
    } catch (error) {
      // Also of an answer that cannot be copied: who asked would wait for ever.
      tell({ kind: 'failure', id, error: toErrorRecord(error) });
    }
  }

  /** The last resort: a thread that does not turn any more is ended, and `exit` replaces it. */
  #lookAtAll(nowMs: number): void {
    this.#overseer.look();
    this.#tidy.look();
    for (const thread of this.#threads.values()) {
      if (!thread.isListening) continue;
      const { beat, running } = glanceAt(this.#ledger, thread.number);
      const stuckMs = thread.turning.look({ beat, nowMs, coreMs: coreMsOf(thread.systemThread) });
      if (stuckMs === undefined) continue;
      this.#options.journal.tell('thread-stuck', {
        threadNumber: thread.number,
        digest: running,
        stuckMs: Math.round(stuckMs),
      });
      thread.isStuck = true;
      void thread.worker.terminate();
    }
  }

  #replace(thread: ServingThread): void {
    const { number } = thread;
    if (this.#threads.get(number) === thread) this.#threads.delete(number);
    this.#overseer.forget(number);
    clearGauges(this.#gauges, number);
    this.#calls.forget(thread);
    if (this.#isDraining || !thread.isListening) return;
    this.#replaced[thread.isStuck ? 'stuck' : 'crashed'] += 1;
    const known = this.#backOffs.get(number) ?? new BackOff(backOff);
    this.#backOffs.set(number, known);
    this.#restartLater(number, known.next(performance.now() - thread.startedAtMs));
  }

  #restartLater(number: number, backOffMs: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#startThread(number).then(
        () => this.#options.journal.tell('thread-replaced', { threadNumber: number }),
        (error: unknown) => {
          const errorDetail = describeError(error);
          this.#options.journal.tell('thread-not-replaced', { threadNumber: number, errorDetail });
          if (!this.#isDraining) this.#restartLater(number, backOff.msMax);
        },
      );
    }, backOffMs);
    this.#restarts.add(timer);
  }
}
