/** How every thread of the daemon is started. Edge: worker threads. */
import { extname } from 'node:path';
import { type Transferable, Worker, type WorkerOptions } from 'node:worker_threads';
import { describeError } from '../errors.ts';
import { withoutPrecedence } from './precedence.ts';

export interface WorkerPlan {
  readonly entry: URL;
  /** What debuggers and `ps` show. */
  readonly name: string;
  /** `workerData` of the thread. */
  readonly data?: unknown;
  /** What of `data` is handed over instead of copied. */
  readonly transfer?: readonly Transferable[];
  /** Of JavaScript's objects; beyond it the thread ends. */
  readonly heapMib?: number;
}

export interface WorkerEvents<Message> {
  onMessage(message: Message): void;
  /** What nobody in the thread caught; `onExit` comes next. */
  onCrash(detail: string): void;
  /** Called once. */
  onExit(): void;
}

/**
 * The entry that lies beside a module, named without its ending: TypeScript in a checkout,
 * JavaScript in a package. `module` is the caller's `import.meta`.
 */
export function entryBeside(module: ImportMeta, name: string): URL {
  return new URL(`${name}${extname(module.filename)}`, module.url);
}

export function startWorker<Message>(plan: WorkerPlan, events: WorkerEvents<Message>): Worker {
  const { data, entry, heapMib, name, transfer } = plan;
  const options: WorkerOptions = {
    name,
    workerData: data,
    transferList: [...(transfer ?? [])],
    // Memory is mapped through node:ffi, which is experimental and says so in every thread.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    ...(heapMib === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMib } }),
  };
  const worker = withoutPrecedence(() => new Worker(entry, options));
  worker.on('message', (message: Message) => events.onMessage(message));
  worker.on('error', (error) => events.onCrash(describeError(error)));
  worker.on('exit', () => events.onExit());
  return worker;
}
