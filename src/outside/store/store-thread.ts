/**
 * Entry of the one thread that writes the shared store. Edge: worker thread messages.
 *
 * Group commit: while one transaction is written, requests of all threads gather in the ports; the
 * next transaction takes as many of them as is fair, and each gets its answer after that commit. So
 * one wait for the disk serves many.
 */
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { letGo } from '../../account/let-go.ts';
import type { Notice, Space } from './contract.ts';
import { takeOverLegacy } from './legacy.ts';
import type {
  FromStore,
  FromWriter,
  SpaceChange,
  StoreStart,
  ToStore,
  ToWriter,
  WriteAnswer,
} from './messages.ts';
import { type Arrived, OwnerQueues } from './queue.ts';
import { renameFolder } from './rename-folder.ts';
import { SqliteFile } from './sqlite-file.ts';
import { Watchers } from './watchers.ts';

/** While there is always something to write, so many transactions pass before a step of reclaim. */
const transactionsPerReclaim = 16;
/** How often what has expired is looked for. */
const expiryLookMs = 5_000;
/** How often it is looked whether another process wrote, while somebody watches. */
const othersLookMs = 200;

/** One watch of one client. */
interface Watcher {
  readonly port: MessagePort;
  readonly id: number;
  readonly space: Space;
}

class Writer {
  readonly #file: SqliteFile;
  readonly #guestBytes: Float64Array;
  readonly #ports = new Map<MessagePort, Map<number, Watcher>>();
  readonly #queues = new OwnerQueues<MessagePort>();
  readonly #watchers = new Watchers<Watcher>();
  readonly #timers: readonly NodeJS.Timeout[];
  #turn: NodeJS.Immediate | undefined;
  #transactions = 0;

  constructor(file: SqliteFile, guestBytes: SharedArrayBuffer) {
    this.#file = file;
    this.#guestBytes = new Float64Array(guestBytes);
    this.#tellBytes();
    this.#timers = [
      setInterval(() => {
        this.#file.reclaim.noteTime(Date.now());
        this.#planTurn();
      }, expiryLookMs),
      setInterval(() => this.#lookForOthers(), othersLookMs),
    ];
  }

  connect(port: MessagePort): void {
    this.#ports.set(port, new Map());
    port.on('message', (message: ToStore) => this.#obey(port, message));
    port.on('close', () => this.#disconnect(port));
  }

  /** Writes all that was sent before, answers it, and lets go of the file. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const port of this.#ports.keys()) {
      let received = receiveMessageOnPort(port);
      while (received !== undefined) {
        this.#obey(port, received.message);
        received = receiveMessageOnPort(port);
      }
    }
    clearImmediate(this.#turn);
    while (!this.#queues.isEmpty) this.#commit(this.#queues.takeTransaction());
    this.#file.close();
    for (const port of this.#ports.keys()) port.close();
  }

  /** What has become of modules; what they stored is taken back when there is time. */
  reclaim(changes: readonly SpaceChange[]): void {
    this.#file.reclaim.note(changes);
    this.#planTurn();
  }

  #obey(port: MessagePort, message: ToStore): void {
    if (message.kind === 'write') {
      for (const request of message.requests) this.#queues.push({ from: port, request });
      this.#planTurn();
      return;
    }
    const watches = this.#ports.get(port);
    if (watches === undefined) return;
    const { id } = message;
    if (message.kind === 'ask') {
      const error = {
        kind: 'refused',
        message: 'Cannot ask: it must be read from the file',
      } as const;
      tell(port, { kind: 'told', id, reply: { kind: 'error', error } });
      return;
    }
    const known = watches.get(id);
    if (known !== undefined) this.#watchers.remove(known.space, known);
    watches.delete(id);
    if (message.kind === 'unwatch') return;
    const watcher = { port, id, space: message.space };
    watches.set(id, watcher);
    this.#watchers.add(watcher.space, watcher);
    tell(port, { kind: 'watching', id });
  }

  #disconnect(port: MessagePort): void {
    for (const watcher of this.#ports.get(port)?.values() ?? []) {
      this.#watchers.remove(watcher.space, watcher);
    }
    this.#ports.delete(port);
  }

  #lookForOthers(): void {
    if (this.#watchers.isEmpty || !this.#file.takeOthersWrote()) return;
    for (const watcher of this.#watchers.all()) notify(watcher, ['reset']);
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
    this.#tellBytes();
    if (hasMore || !this.#queues.isEmpty) this.#planTurn();
  }

  #tellBytes(): void {
    this.#guestBytes[0] = this.#file.guestBytes;
  }

  /** What nobody waits for, one thing a turn; whether there is more of it. */
  #tidyUp(turn: { readonly isIdle: boolean; readonly mayReclaim: boolean }): boolean {
    const file = this.#file;
    if (file.isCheckpointDue(turn.isIdle)) {
      file.checkpoint();
      return true;
    }
    // What has just arrived comes first, and is not seen before the next turn.
    if (file.isCheckpointDue(true)) return true;
    if (!turn.mayReclaim || !file.reclaim.isDue) return false;
    file.reclaim.step();
    return true;
  }

  #commit(transaction: readonly Arrived<MessagePort>[]): void {
    const answers = this.#file.apply(transaction.map(({ request }) => request));
    const answersOf = new Map<MessagePort, WriteAnswer[]>();
    for (const [index, { from, request }] of transaction.entries()) {
      const answer = answers[index];
      if (answer === undefined) throw new Error('Cannot answer a write: an answer is missing');
      const gathered = answersOf.get(from);
      if (gathered === undefined) answersOf.set(from, [answer]);
      else gathered.push(answer);
      this.#watchers.tell(request, answer, notify);
      // They were moved here, and SQLite has copied them.
      for (const { value } of request.writes) letGo(value);
    }
    for (const [port, gathered] of answersOf) tell(port, { kind: 'answers', answers: gathered });
  }
}

function notify({ port, id }: Watcher, notices: readonly Notice[]): void {
  tell(port, { kind: 'notices', id, notices });
}

function tell(port: MessagePort, message: FromStore): void {
  port.postMessage(message);
}

function openFile(start: StoreStart, onTrouble: (message: string) => void): SqliteFile | string {
  try {
    const file = new SqliteFile(start);
    try {
      if (start.legacy !== undefined) takeOverLegacy(file.database, start.legacy, onTrouble);
      const { renamed } = start;
      if (renamed !== undefined) renameFolder(file.database, renamed.from, renamed.to);
      file.recount();
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function runWriter(control: MessagePort, start: StoreStart): void {
  const say = (message: FromWriter): void => control.postMessage(message);
  const file = openFile(start, (message) => say({ kind: 'trouble', message }));
  if (typeof file === 'string') {
    say({ kind: 'broken', message: file });
    control.close();
    return;
  }
  const writer = new Writer(file, start.guestBytes);
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
  say({ kind: 'ready' });
}

if (parentPort === null) throw new Error('Cannot run: this file is the entry of a worker thread');
runWriter(parentPort, workerData);
