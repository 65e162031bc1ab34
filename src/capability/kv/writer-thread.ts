/**
 * Entry of the one thread that writes the key-value file. Edge: worker thread messages.
 *
 * Group commit: while one transaction is written, requests of all serving threads gather in the
 * ports; the next transaction takes as many of them as is fair, and each gets its answer after that
 * commit. So one wait for the disk serves many.
 */
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import type {
  FromWriter,
  NamespaceChange,
  ToWriter,
  WriteAnswer,
  WriteRequest,
  WriterStart,
} from './messages.ts';
import { type Arrived, OwnerQueues } from './queue.ts';
import { KeyValueStore } from './store.ts';

/** While there is always something to write, so many transactions pass before a step of reclaim. */
const transactionsPerReclaim = 16;

class Writer {
  readonly #store: KeyValueStore;
  readonly #ports = new Set<MessagePort>();
  readonly #queues = new OwnerQueues();
  #turn: NodeJS.Immediate | undefined;
  #transactions = 0;

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  connect(port: MessagePort): void {
    this.#ports.add(port);
    port.on('message', (requests: readonly WriteRequest[]) => this.#gather(port, requests));
    port.on('close', () => this.#ports.delete(port));
  }

  /** Writes all that was sent before, answers it, and lets go of the file. */
  close(): void {
    for (const port of this.#ports) {
      let received = receiveMessageOnPort(port);
      while (received !== undefined) {
        this.#gather(port, received.message);
        received = receiveMessageOnPort(port);
      }
    }
    clearImmediate(this.#turn);
    while (!this.#queues.isEmpty) this.#commit(this.#queues.takeTransaction());
    this.#store.close();
    for (const port of this.#ports) port.close();
  }

  /** What has become of modules; what they stored is taken back when there is time. */
  reclaim(changes: readonly NamespaceChange[]): void {
    this.#store.reclaim.note(changes);
    this.#planTurn();
  }

  #gather(port: MessagePort, requests: readonly WriteRequest[]): void {
    for (const request of requests) this.#queues.push({ port, request });
    this.#planTurn();
  }

  /** After the messages of this turn: what the other threads have sent may be in the commit too. */
  #planTurn(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#takeTurn();
    });
  }

  #takeTurn(): void {
    const isIdle = this.#queues.isEmpty;
    if (!isIdle) {
      this.#commit(this.#queues.takeTransaction());
      this.#transactions += 1;
    }
    const mayReclaim = isIdle || this.#transactions % transactionsPerReclaim === 0;
    const hasMore = this.#tidyUp({ isIdle, mayReclaim });
    if (hasMore || !this.#queues.isEmpty) this.#planTurn();
  }

  /** What nobody waits for, one thing a turn; whether there is more of it. */
  #tidyUp(turn: { readonly isIdle: boolean; readonly mayReclaim: boolean }): boolean {
    const store = this.#store;
    if (store.isCheckpointDue(turn.isIdle)) {
      store.checkpoint();
      return true;
    }
    // What has just arrived comes first, and is not seen before the next turn.
    if (store.isCheckpointDue(true)) return true;
    if (!turn.mayReclaim || !store.reclaim.isDue) return false;
    store.reclaim.step();
    return true;
  }

  #commit(transaction: readonly Arrived[]): void {
    const answers = this.#store.apply(transaction.map(({ request }) => request));
    const answersOf = new Map<MessagePort, WriteAnswer[]>();
    for (const [index, { port }] of transaction.entries()) {
      const answer = answers[index];
      if (answer === undefined) throw new Error('Cannot answer a write: an answer is missing');
      const gathered = answersOf.get(port);
      if (gathered === undefined) answersOf.set(port, [answer]);
      else gathered.push(answer);
    }
    for (const [port, gathered] of answersOf) port.postMessage(gathered);
  }
}

function openStore(start: WriterStart): KeyValueStore | string {
  try {
    return new KeyValueStore(start);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function runWriter(control: MessagePort, start: WriterStart): void {
  const tell = (message: FromWriter): void => control.postMessage(message);
  const store = openStore(start);
  if (typeof store === 'string') {
    tell({ kind: 'broken', message: store });
    control.close();
    return;
  }
  const writer = new Writer(store);
  control.on('message', (message: ToWriter) => {
    if (message.kind === 'connect') {
      writer.connect(message.port);
      return;
    }
    if (message.kind === 'reclaim') {
      writer.reclaim(message.changes);
      return;
    }
    writer.close();
    control.close();
  });
  tell({ kind: 'ready' });
}

if (parentPort === null) throw new Error('Cannot run: this file is the entry of a worker thread');
runWriter(parentPort, workerData);
