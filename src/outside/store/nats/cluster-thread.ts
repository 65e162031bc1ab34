/**
 * Entry of the thread that has the connection to the engine, where several nodes are one
 * installation. Edge: worker thread messages. It takes the place of the thread that writes SQLite,
 * and speaks the same words.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Notice, type Space, type StoredBlob, StoreError } from '../contract.ts';
import type {
  EngineState,
  FromStore,
  FromWriter,
  StoreErrorRecord,
  StoreLimits,
  StoreQuestion,
  StoreReply,
  ToStore,
  ToWriter,
  WriteRequest,
} from '../messages.ts';
import { unavailable } from '../waiting-writes.ts';
import { NatsEngine } from './engine.ts';
import { EngineCounts } from './engine-counts.ts';
import { LostInstallation } from './installation.ts';
import { InstallationMemory, readInstallation } from './installation-memory.ts';
import { MirrorFile } from './mirror-file.ts';
import type { Listener } from './notices.ts';
import type { ClusterSettings } from './settings.ts';
import { readStreams, type StreamState } from './stream-state.ts';

/** `workerData`. */
export interface ClusterStart {
  readonly settings: ClusterSettings;
  readonly limits: StoreLimits;
  readonly stateDirectory: string;
  readonly mirrorPath: string;
  readonly mirrorBytesMax: number;
  /** See `Liveness`. */
  readonly liveness: SharedArrayBuffer;
  /** See `EngineCounts`. */
  readonly counts: SharedArrayBuffer;
}

interface Watching {
  readonly space: Space;
  readonly listener: Listener;
}

const fullToldEveryMs = 60_000;
const sameToldEveryMs = 30_000;

class ClusterWriter {
  readonly #say: (message: FromWriter) => void;
  readonly #start: ClusterStart;
  readonly #mirror: MirrorFile;
  readonly #memory: InstallationMemory;
  readonly #engine: NatsEngine;
  readonly #ports = new Map<MessagePort, Map<number, Watching>>();
  #isOpened = false;
  #clockOffsetMs = 0;
  #trouble = { message: '', atMs: 0 };
  #fullToldAtMs = Number.NEGATIVE_INFINITY;

  /** @throws where the mirror or the state directory cannot be used */
  constructor(start: ClusterStart, say: (message: FromWriter) => void) {
    this.#start = start;
    this.#say = say;
    const counts = new EngineCounts(start.counts);
    const { limits, liveness, mirrorBytesMax, mirrorPath, settings, stateDirectory } = start;
    const onTrouble = (message: string): void => this.#tellTrouble(message);
    const known = readInstallation(stateDirectory);
    this.#mirror = new MirrorFile({ path: mirrorPath, bytesMax: mirrorBytesMax, liveness });
    this.#memory = new InstallationMemory(stateDirectory, onTrouble);
    this.#engine = new NatsEngine({
      ...{ settings, limits, known, onTrouble, nowMs: Date.now, sink: this.#mirror, counts },
      onOpened: (found) => {
        this.#isOpened = true;
        this.#memory.opened(found);
      },
      onClock: (offsetMs) => {
        this.#clockOffsetMs = offsetMs;
        this.#tellState();
      },
      onSequence: (stream, sequence) => this.#memory.note(stream, sequence),
      onState: () => queueMicrotask(() => this.#tellState()),
    });
  }

  connect(port: MessagePort): void {
    this.#ports.set(port, new Map());
    port.on('message', (message: ToStore) => this.#obey(port, message));
    port.on('close', () => this.#disconnect(port));
    tell(port, { kind: 'state', state: this.#engine.state });
  }

  /** What is remembered is kept also where the connection does not close as it should. */
  async close(): Promise<void> {
    await this.#engine.close().catch((error: unknown) => {
      this.#tellTrouble(error instanceof Error ? error.message : String(error));
    });
    await this.#memory.close();
    this.#mirror.close();
    for (const port of this.#ports.keys()) port.close();
  }

  #obey(port: MessagePort, message: ToStore): void {
    if (message.kind === 'write') {
      for (const request of message.requests) void this.#write(port, request);
    } else if (message.kind === 'ask') {
      void this.#answer(port, message.id, message.question);
    } else {
      this.#unwatch(port, message.id);
      if (message.kind === 'watch') void this.#watch(port, message);
    }
  }

  async #write(port: MessagePort, request: WriteRequest): Promise<void> {
    const answer = await this.#engine.write(request, performance.now() + request.waitMs);
    tell(port, { kind: 'answers', answers: [answer] });
    if (answer.kind === 'error' && answer.error.kind === 'full') this.#tellFull(answer.error);
  }

  /** What is tried again and again is told now and then. */
  #tellTrouble(message: string): void {
    const nowMs = performance.now();
    if (message === this.#trouble.message && nowMs - this.#trouble.atMs < sameToldEveryMs) return;
    this.#trouble = { message, atMs: nowMs };
    this.#say({ kind: 'trouble', message });
  }

  #tellFull({ message }: StoreErrorRecord): void {
    const nowMs = performance.now();
    if (nowMs - this.#fullToldAtMs < fullToldEveryMs) return;
    this.#fullToldAtMs = nowMs;
    this.#say({ kind: 'full', message });
  }

  async #answer(port: MessagePort, id: number, question: StoreQuestion): Promise<void> {
    tell(port, { kind: 'told', id, reply: await this.#replyTo(question).catch(errorReply) });
  }

  async #replyTo(question: StoreQuestion): Promise<StoreReply> {
    const engine = this.#engine;
    const dueMs = performance.now() + this.#start.settings.waitMs;
    switch (question.what) {
      case 'read': {
        const { fresh, keys, space } = question;
        return { kind: 'entries', entries: await engine.read(space, keys, { fresh, dueMs }) };
      }
      case 'list':
        return { kind: 'page', ...(await engine.list(question.space, question.options, dueMs)) };
      case 'put-blob':
        await (await engine.blobs()).put(question.digest, question.bytes);
        return { kind: 'done' };
      case 'get-blob':
        return { kind: 'blob', bytes: await (await engine.blobs()).get(question.digest) };
      case 'remove-blob':
        return removed(await (await engine.blobs()).remove(question.blob));
      case 'remove-loose':
        return removed(await (await engine.blobs()).removeLoose(question.beforeMs));
      case 'list-blobs':
        return { kind: 'blobs', blobs: await this.#listBlobs() };
      case 'named-digests':
        return { kind: 'digests', digests: await engine.namedDigests() };
      case 'streams':
        return { kind: 'streams', streams: await this.#readStreams() };
    }
  }

  #readStreams(): Promise<readonly StreamState[]> {
    const reason = (): string => `the state ${this.#engine.state}`;
    return readStreams(this.#engine, this.#start.settings.waitMs, reason);
  }

  async #listBlobs(): Promise<readonly StoredBlob[]> {
    const found: StoredBlob[] = [];
    for await (const blob of (await this.#engine.blobs()).list()) found.push(blob);
    return found;
  }

  async #watch(
    port: MessagePort,
    { id, space }: Extract<ToStore, { readonly kind: 'watch' }>,
  ): Promise<void> {
    let isReady = false;
    const beReady = (): void => {
      if (!isReady) tell(port, { kind: 'watching', id });
      isReady = true;
    };
    const listener = (notice: Notice): void => {
      // The connection is there again, and with it the subscription.
      if (notice === 'reset') beReady();
      // After the mirror has let go of what is old: who hears of it reads at once.
      queueMicrotask(() => tell(port, { kind: 'notices', id, notices: [notice] }));
    };
    const watches = this.#ports.get(port);
    watches?.set(id, { space, listener });
    try {
      await this.#engine.watch(space, listener);
      if (watches?.has(id) === true) beReady();
      else this.#engine.unwatch(space, listener);
    } catch (error) {
      // With the next connection everything is subscribed to again, and `reset` is told.
      if (!(error instanceof StoreError)) throw error;
      this.#say({ kind: 'trouble', message: error.message });
    }
  }

  #unwatch(port: MessagePort, id: number): void {
    const watches = this.#ports.get(port);
    const watching = watches?.get(id);
    watches?.delete(id);
    if (watching !== undefined) this.#engine.unwatch(watching.space, watching.listener);
  }

  #disconnect(port: MessagePort): void {
    for (const { space, listener } of this.#ports.get(port)?.values() ?? []) {
      this.#engine.unwatch(space, listener);
    }
    this.#ports.delete(port);
  }

  #tellState(): void {
    const { state } = this.#engine;
    const { brokenBy, server } = this.#engine;
    const reason = state === 'refused' ? brokenBy?.message : undefined;
    const isLost = brokenBy instanceof LostInstallation;
    const known = { isOpened: this.#isOpened, clockOffsetMs: this.#clockOffsetMs };
    const engine: EngineState = { state, reason, isLost, server, ...known };
    this.#say({ kind: 'engine', engine });
    for (const port of this.#ports.keys()) tell(port, { kind: 'state', state });
  }
}

function removed(count: number | boolean): StoreReply {
  return { kind: 'removed', count: Number(count) };
}

function errorReply(error: unknown): StoreReply {
  const known =
    error instanceof StoreError
      ? error
      : unavailable(error instanceof Error ? error.message : String(error));
  return { kind: 'error', error: { kind: known.kind, message: known.message } };
}

function tell(port: MessagePort, message: FromStore): void {
  port.postMessage(message);
}

function runWriter(control: MessagePort, start: ClusterStart): void {
  const say = (message: FromWriter): void => control.postMessage(message);
  let writer: ClusterWriter;
  try {
    writer = new ClusterWriter(start, say);
  } catch (error) {
    say({ kind: 'broken', message: error instanceof Error ? error.message : String(error) });
    control.close();
    return;
  }
  control.on('message', (message: ToWriter) => {
    if (message.kind === 'connect') writer.connect(message.port);
    if (message.kind === 'close') void writer.close().finally(() => control.close());
  });
  say({ kind: 'ready' });
}

if (parentPort === null) throw new Error('Cannot run: this file is the entry of a worker thread');
runWriter(parentPort, workerData);
