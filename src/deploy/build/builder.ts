/**
 * Edge: the builder thread, seen from the control plane. Modules are untrusted, so each has a time
 * limit; a module that takes longer, or makes the thread run out of memory, costs only that thread.
 */
import type { Worker } from 'node:worker_threads';
import { OwnerQueue } from '../../account/owner-queue.ts';
import type { Limits } from '../../config/config.ts';
import { fromErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest } from '../../threads/messages.ts';
import { entryBeside, startWorker } from '../../threads/worker.ts';
import type { Artifact, WantedForms } from './artifact.ts';
import type {
  BuilderReady,
  BuilderReply,
  BuilderRequest,
  BuilderStart,
  BuildVerdict,
  CompilerTier,
  KeptFormsStart,
} from './builder-messages.ts';

export interface BuilderOptions {
  readonly limits: Limits;
  /** How long one module may take. */
  readonly buildMsMax?: number;
  /** Callers waiting; each holds at most a file name until it is its turn. */
  readonly queuedBuildsMax?: number;
  /** Told how long a module took to be judged, in milliseconds. */
  readonly onJudged?: ((ms: number) => void) | undefined;
  /** Where what is made is kept, asked for at each start of the thread; left out: nowhere. */
  readonly forms?: () => KeptFormsStart;
  /** Told why something was not kept. */
  readonly onTrouble?: (digest: Digest, reason: string) => void;
}

export interface BuildOptions {
  /** Contents that are only recognised. */
  readonly known?: ReadonlySet<Digest>;
  /** Whose turn it is. */
  readonly owner?: OwnerKey;
  readonly forms?: WantedForms;
  /** It is nobody's: how long it takes is not told. */
  readonly isPractice?: boolean;
}

export interface CompileOptions {
  /** Whose turn it is. */
  readonly owner?: OwnerKey;
  readonly isLast?: boolean;
}

/** Several times what 64 MiB of code take, because the machine may be busy. */
const buildMsMaxDefault = 30_000;
const queuedBuildsMaxDefault = 4_096;
const threadHeapMib = 1_024;
/** For commands, which judge for one person. */
const nobody = '' as OwnerKey;

export class Builder {
  readonly #limits: Limits;
  readonly #buildMsMax: number;
  readonly #queue: OwnerQueue;
  readonly #onJudged: BuilderOptions['onJudged'];
  readonly #forms: BuilderOptions['forms'];
  readonly #onTrouble: BuilderOptions['onTrouble'];
  #thread: Worker | undefined;
  #starting: Promise<void> | undefined;
  /** The one that is not ready yet. */
  #newborn: Worker | undefined;
  #lastId = 0;
  #hasBuilt = false;
  #isClosed = false;

  constructor(options: BuilderOptions) {
    this.#limits = options.limits;
    this.#onJudged = options.onJudged;
    this.#forms = options.forms;
    this.#onTrouble = options.onTrouble;
    this.#buildMsMax = options.buildMsMax ?? buildMsMaxDefault;
    const queuedMax = options.queuedBuildsMax ?? queuedBuildsMaxDefault;
    this.#queue = new OwnerQueue({ runningMax: 1, queuedMax, nowMs: () => performance.now() });
  }

  /** Whether anything was to be built yet. */
  get hasBuilt(): boolean {
    return this.#hasBuilt;
  }

  /** Soon something will be built: the thread starts now. Never fails: who builds will be told. */
  prepare(): void {
    if (this.#isClosed || this.#thread !== undefined) return;
    this.#openThread().catch(() => undefined);
  }

  /**
   * Builds what `read` gives, in turn with other owners: bytes are read only when the thread is
   * free, so that a queue of large modules does not fill the memory. They are the builder's from
   * then on.
   *
   * @throws TerrafirmaError: 'overloaded' when the queue is full, 'internal' when no thread can be
   *   started, 'draining' when the builder is closed; and whatever `read` throws
   */
  async build(
    read: () => Promise<Uint8Array<ArrayBuffer>>,
    { known = new Set(), owner = nobody, forms = 'all', isPractice = false }: BuildOptions = {},
  ): Promise<BuildVerdict> {
    this.#hasBuilt = true;
    return await this.#queue.pass(owner, async () => {
      this.#requireOpen();
      const bytes = await read();
      const id = ++this.#lastId;
      const startedAtMs = performance.now();
      const reply = await this.#run({ ask: 'build', id, bytes, known, forms, owner }, [
        bytes.buffer,
      ]);
      if (!isPractice) this.#onJudged?.(performance.now() - startedAtMs);
      if (typeof reply === 'object') {
        if (reply.kind === 'built') this.#tellTrouble(reply);
        if (reply.kind === 'built' || reply.kind === 'known' || reply.kind === 'refused')
          return reply;
        throw mixedUp();
      }
      const rule = `judging it takes at most ${this.#buildMsMax} ms and ${threadHeapMib} MiB`;
      const detail = `Cannot accept the module: ${rule}: received one that ${reply}`;
      const error = toErrorRecord(new TerrafirmaError('module-refused', detail));
      return { kind: 'refused', digest: undefined, error };
    });
  }

  /**
   * What was made of a module of so many `bytes` before, if that is kept: the module itself is not
   * needed for it.
   *
   * @throws what `build` throws, but for `read`
   */
  async recall(
    digest: Digest,
    bytes: number,
    { owner = nobody, forms = 'all' }: Pick<BuildOptions, 'owner' | 'forms'> = {},
  ): Promise<Artifact | undefined> {
    return await this.#queue.pass(owner, async () => {
      const reply = await this.#run(
        { ask: 'recall', id: ++this.#lastId, digest, bytes, forms },
        [],
      );
      // Whatever became of the thread: then it is made anew.
      if (typeof reply === 'string' || reply.kind === 'forgotten') return undefined;
      if (reply.kind !== 'recalled') throw mixedUp();
      return reply.artifact;
    });
  }

  /**
   * Compiles forms that a trial has passed, each whole.
   *
   * @param options.isLast Nobody needs them afterwards: they are the builder's from then on.
   * @throws what `build` throws, and TerrafirmaError: 'module-refused' when V8 will not,
   *   'overloaded' when it takes too long here
   */
  async compile(
    forms: readonly Uint8Array<ArrayBuffer>[],
    tier: CompilerTier,
    { owner = nobody, isLast = false }: CompileOptions = {},
  ): Promise<readonly WebAssembly.Module[]> {
    return await this.#queue.pass(owner, async () => {
      this.#requireOpen();
      const buffers = isLast ? [...new Set(forms.map(({ buffer }) => buffer))] : [];
      const request = { ask: 'compile', id: ++this.#lastId, forms, tier } as const;
      const reply = await this.#run(request, buffers);
      if (typeof reply === 'string') {
        const detail = `Cannot compile the module now: the builder ${reply}`;
        throw new TerrafirmaError('overloaded', detail);
      }
      if (reply.kind === 'not-compiled') throw fromErrorRecord(reply.error);
      if (reply.kind !== 'compiled') throw mixedUp();
      return reply.modules;
    });
  }

  #tellTrouble({ artifact, trouble: reason }: Extract<BuildVerdict, { kind: 'built' }>): void {
    if (reason !== undefined) this.#onTrouble?.(artifact.digest, reason);
  }

  /** Ends the thread; what was being built fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#newborn?.terminate(), this.#thread?.terminate()]);
    this.#thread = undefined;
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new TerrafirmaError('draining');
  }

  /**
   * One question, one answer, or what became of the thread: it is given up when it fails or takes
   * too long.
   */
  async #run(
    request: BuilderRequest,
    transfer: readonly ArrayBuffer[],
  ): Promise<BuilderReply | string> {
    this.#requireOpen();
    const thread = await this.#openThread();
    if (this.#isClosed) {
      await this.close();
      throw new TerrafirmaError('draining');
    }
    const { promise, resolve, reject } = Promise.withResolvers<BuilderReply | string>();
    const giveUp = (received: string) => {
      this.#forget(thread);
      if (this.#isClosed) reject(new TerrafirmaError('draining'));
      resolve(received);
    };
    const onReply = (reply: BuilderReply) => resolve(reply);
    const onError = (error: Error) => giveUp(`ended the thread: ${error.message}`);
    const onExit = () => giveUp('ended the thread');
    const timer = setTimeout(() => giveUp('took too long'), this.#buildMsMax);
    thread.on('message', onReply).on('error', onError).on('exit', onExit);
    thread.ref();
    thread.postMessage(request, transfer);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      thread.off('message', onReply).off('error', onError).off('exit', onExit);
      thread.unref();
      if (this.#thread !== thread) await thread.terminate();
    }
  }

  /** The one thread, started where there is none. */
  async #openThread(): Promise<Worker> {
    if (this.#thread !== undefined) return this.#thread;
    this.#starting ??= this.#startThread().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
    // It was ready, and may have ended before anybody heard of it.
    if (this.#thread === undefined) throw this.#notStarted('it ended');
    return this.#thread;
  }

  #notStarted(reason: string): TerrafirmaError {
    const detail = `Cannot start the builder thread: ${reason}`;
    return new TerrafirmaError(this.#isClosed ? 'draining' : 'internal', detail);
  }

  /** Resolves when a thread is ready. One that is not is no verdict on any module. */
  async #startThread(): Promise<void> {
    const start: BuilderStart = { limits: this.#limits, forms: this.#forms?.() };
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    // Between two modules nobody asks: a thread that fails then is replaced at the next question.
    const giveUp = (reason: string) => {
      this.#forget(thread);
      reject(this.#notStarted(reason));
    };
    const onReady = () => {
      this.#thread = thread;
      thread.unref();
      resolve();
    };
    const thread = startWorker<BuilderReady | BuilderReply>(
      {
        entry: entryBeside(import.meta, './builder-thread'),
        name: 'builder',
        data: start,
        heapMib: threadHeapMib,
      },
      {
        onMessage: ({ kind }) => {
          if (kind === 'ready') onReady();
        },
        onCrash: giveUp,
        onExit: () => giveUp('it ended'),
      },
    );
    this.#newborn = thread;
    await ready.finally(() => {
      this.#newborn = undefined;
    });
  }

  #forget(thread: Worker): void {
    if (this.#thread === thread) this.#thread = undefined;
  }
}

function mixedUp(): TerrafirmaError {
  return new TerrafirmaError('internal', 'Cannot judge the module: the builder answered otherwise');
}
