/**
 * The thread that writes the log: takes the lines of all queues in turn and writes them. Touches
 * standard output. It does nothing else, so that a reader who does not read holds up nothing else.
 */
import { Buffer } from 'node:buffer';
import { workerData } from 'node:worker_threads';
import type { LogConfig } from '../config/config.ts';
import { AccessLog } from './access-log.ts';
import { LogBell, type LogQueueMemory, LogQueueOutput } from './log-queue.ts';
import { LogRingInput } from './log-ring.ts';
import { LogOutput, type OutputStream } from './output.ts';

/** `workerData` of the thread. */
export interface LogWriterStart {
  readonly log: LogConfig;
  readonly stream: OutputStream;
  /** Those of the control plane first. */
  readonly queues: readonly LogQueueMemory[];
  /** Where the newest lines stay; see `log-ring.ts`. */
  readonly ring: SharedArrayBuffer;
}

/** Bytes that one queue gets written before the next has its turn. */
const turnBytesMax = 64 * 1024;
/** Lines gather for so long after the first: a write for each would cost more than its line. */
const gatherMs = 5;
/** Without a ring of the bell: queues are looked at all the same. */
const lookMs = 1_000;
/** How long a reader that does not read is left alone. */
const pauseMs = 5;

function run({ log, queues, ring, stream }: LogWriterStart): void {
  const [first] = queues;
  if (first === undefined) throw new TypeError('Cannot write the log: there is no queue');
  const bell = new LogBell(first);
  const outputs = queues.map((memory) => new LogQueueOutput(memory));
  const areEmpty = (): boolean => outputs.every((queue) => queue.isEmpty);
  // At the end this thread is ended from outside when the reader takes too long.
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const pause = (): void => void Atomics.wait(sleeper, 0, 0, pauseMs);
  const losses = new WriteLosses(new LogOutput({ ...log, stream, pause }));
  const access = openAccess(log);
  const newest = new LogRingInput(ring);
  for (;;) {
    for (const queue of outputs) writeTurn(queue, { losses, newest, access });
    if (!areEmpty()) continue;
    if (bell.isClosing) return;
    bell.sleep(areEmpty, lookMs);
    bell.pause(gatherMs);
  }
}

function writeTurn(
  queue: LogQueueOutput,
  to: {
    readonly losses: WriteLosses;
    readonly newest: LogRingInput;
    readonly access: AccessLog | undefined;
  },
): void {
  const { access, losses, newest } = to;
  if (queue.isEmpty) return;
  const lines = queue.view(turnBytesMax);
  // First: whoever does not read the output must not keep an operator from seeing why.
  newest.put(lines);
  losses.write(lines);
  const lost = access?.write(lines) ?? 0;
  if (lost > 0) losses.tellOfAccess(lost);
  queue.release(lines.length);
}

/** Lines that the output did not take, counted, and told once it takes lines again. */
class WriteLosses {
  readonly #output: LogOutput;
  #lostLines = 0;
  #accessToldAt = 1;

  constructor(output: LogOutput) {
    this.#output = output;
  }

  /** Once in a while: a line for each that is lost would be no better. */
  tellOfAccess(lostLines: number): void {
    if (lostLines < this.#accessToldAt) return;
    this.#accessToldAt = lostLines * 10;
    const tale = {
      level: 'error',
      time: new Date().toISOString(),
      droppedLines: lostLines,
      msg: 'the file of requests (log.access_file) cannot be written',
    };
    this.write(Buffer.from(`${JSON.stringify(tale)}\n`));
  }

  write(lines: Uint8Array): void {
    const isWritten = this.#output.write(this.#lostLines === 0 ? lines : this.#withTale(lines));
    this.#lostLines = isWritten ? 0 : this.#lostLines + countLines(lines);
  }

  #withTale(lines: Uint8Array): Uint8Array {
    const tale = {
      level: 'error',
      time: new Date().toISOString(),
      droppedLines: this.#lostLines,
      msg: 'log lines were lost: the output did not take them',
    };
    return Buffer.concat([Buffer.from(`${JSON.stringify(tale)}\n`), lines]);
  }
}

function openAccess({ accessFile: file, accessFormat: format }: LogConfig): AccessLog | undefined {
  if (file === undefined) return undefined;
  return new AccessLog({ file, format, nowMs: () => performance.now() });
}

function countLines(lines: Uint8Array): number {
  let count = 0;
  for (let at = lines.indexOf(lineEnd); at !== -1; at = lines.indexOf(lineEnd, at + 1)) count += 1;
  return count;
}

const lineEnd = 0x0a;

run(workerData as LogWriterStart);
