/**
 * Entry of the one thread that writes the key-value file. Edge: worker thread messages.
 *
 * Group commit: while one transaction is written, requests of all serving threads gather in the
 * ports; the next transaction takes all of them, and each gets its answer after that commit.
 */
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import type {
  FromWriter,
  ToWriter,
  WriteAnswer,
  WriteRequest,
  WriterStart,
} from './kv-messages.ts';
import { KeyValueStore } from './kv-store.ts';

/** One transaction takes at most so much: the journal and the wait for an answer stay short. */
const transactionRequestsMax = 1_000;
const transactionBytesMax = 16 * 1024 * 1024;

interface Arrived {
  readonly port: MessagePort;
  readonly request: WriteRequest;
}

class Writer {
  readonly #store: KeyValueStore;
  readonly #ports = new Set<MessagePort>();
  #arrived: Arrived[] = [];
  #isCommitPlanned = false;

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
    this.#commitArrived();
    this.#store.close();
    for (const port of this.#ports) port.close();
  }

  #gather(port: MessagePort, requests: readonly WriteRequest[]): void {
    for (const request of requests) this.#arrived.push({ port, request });
    if (this.#isCommitPlanned) return;
    this.#isCommitPlanned = true;
    // After the messages of this turn: what the other threads have sent belongs to this commit too.
    setImmediate(() => {
      this.#isCommitPlanned = false;
      this.#commitArrived();
    });
  }

  #commitArrived(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    let begin = 0;
    while (begin < arrived.length) {
      const end = endOfTransaction(arrived, begin);
      this.#commit(arrived.slice(begin, end));
      begin = end;
    }
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

function endOfTransaction(arrived: readonly Arrived[], begin: number): number {
  let bytes = 0;
  let end = begin;
  while (end < arrived.length && end - begin < transactionRequestsMax) {
    bytes += arrived[end]?.request.value.byteLength ?? 0;
    if (bytes > transactionBytesMax && end > begin) break;
    end += 1;
  }
  return end;
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
    writer.close();
    control.close();
  });
  tell({ kind: 'ready' });
}

if (parentPort === null) throw new Error('Cannot run: this file is the entry of a worker thread');
runWriter(parentPort, workerData);
