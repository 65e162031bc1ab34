/**
 * Edge: one throwaway process that compiles the forms of one module with one of V8's two compilers,
 * function after function, within bounds of time and memory. All times are processor time: a busy
 * machine changes no verdict.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { inBytes } from '../../amounts.ts';
import { TerrafirmaError } from '../../errors.ts';

export type Compiler = 'baseline' | 'optimiser';

export interface TrialBounds {
  /** Processor time of the whole process. */
  readonly cpuMsMax: number;
  /** Processor time of one function. */
  readonly functionCpuMsMax: number;
  /** Memory of the whole process. */
  readonly residentBytesMax: number;
  /** What a compiler may hold for one function. */
  readonly functionBytesMax: number;
  /** Then the machine is too busy for a verdict. */
  readonly wallMsMax: number;
}

export interface TrialTask {
  readonly compiler: Compiler;
  readonly forms: readonly Uint8Array[];
  readonly bounds: TrialBounds;
  /** As `nice` has it: trials give way to requests. */
  readonly priority: number;
}

export type TrialEnding =
  | { readonly kind: 'compiled'; readonly cpuMs: number }
  | {
      readonly kind: 'failed';
      readonly received: string;
      /** The function that was being compiled, where V8 said so. */
      readonly functionIndex: number | undefined;
      /** Functions of the form that had been compiled, by index. */
      readonly compiled: ReadonlySet<number>;
      /** It was still compiling, or needed more of the processor than it was given. */
      readonly isOutOfTime: boolean;
      readonly cpuMs: number;
    }
  /** No verdict: it had no processor, or was stopped. */
  | { readonly kind: 'starved' }
  | { readonly kind: 'stopped' };

const outputCharsMax = 1_000;

const commonFlags: readonly string[] = [
  // All functions at once instead of at their first call, one after another.
  '--no-wasm-lazy-compilation',
  '--wasm-num-compilation-tasks=1',
  '--trace-wasm-compilation-times',
  // For the one intrinsic that makes V8 write out what it has traced so far.
  '--allow-natives-syntax',
  '--max-old-space-size=128',
  '--disable-warning=ExperimentalWarning',
];

const compilerFlags: Readonly<Record<Compiler, readonly string[]>> = {
  baseline: ['--liftoff', '--no-wasm-tier-up'],
  optimiser: ['--no-liftoff'],
};

/**
 * What the process runs: compiles each module on standard input, its length (u32, little-endian)
 * before it, and says every 20 ms what it has used. As text, because a TypeScript file would first
 * load Node's own type stripper, a WebAssembly module that these flags compile whole: 0.3 s more
 * for every trial.
 */
const trialScript = `
  const fs = require('node:fs');
  const say = (line) => { %DebugPrint(0); fs.writeSync(1, line + '\\n'); };
  const tell = () => {
    const { user, system } = process.cpuUsage();
    say('used ' + (user + system) + ' ' + process.memoryUsage.rss());
  };
  const input = fs.readFileSync(0);
  const look = setInterval(tell, 20);
  (async () => {
    for (let offset = 0; offset < input.length; ) {
      const end = offset + 4 + input.readUInt32LE(offset);
      tell();
      say('form');
      await WebAssembly.compile(input.subarray(offset + 4, end));
      offset = end;
    }
    tell();
  })()
    .catch((error) => { console.error(String(error)); process.exitCode = 1; })
    .finally(() => clearInterval(look));`;

/** V8's line about one function. Its bytes are the most it held at once. */
const compiledLine = /^Compiled function \S+#(\d+) using \w+, took \d+ \S+ and (\d+)/;
const usedLine = /^used (\d+) (\d+)$/;

/**
 * Runs one trial to its end; `stop` ends it early.
 *
 * @throws TerrafirmaError `internal`: no process can be started.
 */
export async function runTrial(task: TrialTask, stop: AbortSignal): Promise<TrialEnding> {
  const child = await startChild(task);
  const watch = new TrialWatch(task.bounds, () => child.kill('SIGKILL'));
  const onStop = (): void => watch.stop();
  stop.addEventListener('abort', onStop);
  if (stop.aborted) onStop();
  const timer = setTimeout(() => watch.starve(), task.bounds.wallMsMax);
  const errors = collect(child);
  try {
    const lines = createInterface({ input: child.stdout ?? failStart() });
    lines.on('line', (line) => watch.read(line));
    send(child, task.forms);
    const [exitCode, signal] = await once(child, 'close');
    return watch.conclude(exitCode ?? signal, errors());
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}

/** Reads what the process tells, and ends it when it goes beyond its bounds. */
class TrialWatch {
  readonly #bounds: TrialBounds;
  readonly #kill: () => void;
  readonly #compiled = new Set<number>();
  #verdict: Extract<TrialEnding, { kind: 'starved' | 'stopped' }> | undefined;
  #excess: { received: string; index?: number; isOutOfTime: boolean } | undefined;
  #cpuMs = 0;
  /** When the last function was done: what was used since is the next one's. */
  #atProgress: { cpuMs: number; residentBytes: number } | undefined;
  #hasProgress = true;

  constructor(bounds: TrialBounds, kill: () => void) {
    this.#bounds = bounds;
    this.#kill = kill;
  }

  stop(): void {
    this.#verdict ??= { kind: 'stopped' };
    this.#kill();
  }

  starve(): void {
    this.#verdict ??= { kind: 'starved' };
    this.#kill();
  }

  read(line: string): void {
    const compiled = compiledLine.exec(line);
    if (compiled !== null) this.#readCompiled(Number(compiled[1]), Number(compiled[2]));
    else if (line === 'form') this.#compiled.clear();
    else {
      const used = usedLine.exec(line);
      if (used !== null) this.#readUsed(Number(used[1]) / 1_000, Number(used[2]));
    }
  }

  conclude(ending: number | string, errors: string): TrialEnding {
    if (this.#verdict !== undefined) return this.#verdict;
    const cpuMs = this.#cpuMs;
    if (this.#excess === undefined && ending === 0) return { kind: 'compiled', cpuMs };
    const received = this.#excess?.received ?? explainEnd(ending, errors);
    return {
      kind: 'failed',
      received,
      functionIndex: this.#excess?.index,
      compiled: this.#compiled,
      isOutOfTime: this.#excess?.isOutOfTime ?? false,
      cpuMs,
    };
  }

  #readCompiled(index: number, heldBytes: number): void {
    this.#compiled.add(index);
    this.#hasProgress = true;
    const { functionBytesMax } = this.#bounds;
    if (heldBytes <= functionBytesMax) return;
    const received = `one that took ${heldBytes} bytes of memory, of at most ${functionBytesMax}`;
    this.#exceed({ received, index, isOutOfTime: false });
  }

  #readUsed(cpuMs: number, residentBytes: number): void {
    this.#cpuMs = cpuMs;
    if (this.#hasProgress) this.#atProgress = { cpuMs, residentBytes };
    this.#hasProgress = false;
    const { cpuMsMax, functionCpuMsMax, residentBytesMax, functionBytesMax } = this.#bounds;
    const since = this.#atProgress ?? { cpuMs, residentBytes };
    const grownBytes = residentBytes - since.residentBytes;
    if (cpuMs - since.cpuMs > functionCpuMsMax) {
      const received = `one that took over ${functionCpuMsMax} ms of processor time`;
      this.#exceed({ received, isOutOfTime: true });
    } else if (residentBytes > residentBytesMax || grownBytes > functionBytesMax) {
      const bytesMax = Math.min(residentBytesMax, functionBytesMax);
      this.#exceed({
        received: `one that took over ${inBytes(bytesMax)} of memory`,
        isOutOfTime: false,
      });
    } else if (cpuMs > cpuMsMax) {
      const received = `one after over ${Math.round(cpuMsMax)} ms for all together`;
      this.#exceed({ received, isOutOfTime: true });
    }
  }

  #exceed(excess: { received: string; index?: number; isOutOfTime: boolean }): void {
    this.#excess ??= excess;
    this.#kill();
  }
}

async function startChild({ compiler, priority }: TrialTask): Promise<ChildProcess> {
  const flags = [...commonFlags, ...compilerFlags[compiler]];
  const child = spawn(process.execPath, [...flags, '--eval', trialScript], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Nothing of the operator's environment is the module's business.
    env: {},
  });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    failStart(cause);
  }
  if (child.pid !== undefined) lowerPriority(child.pid, priority);
  return child;
}

function failStart(cause?: unknown): never {
  const detail = 'Cannot compile the module on trial: no process can be started';
  throw new TerrafirmaError('internal', detail, { cause });
}

function lowerPriority(pid: number, priority: number): void {
  try {
    setPriority(pid, priority);
  } catch {
    // It has ended already, or the system forbids it: then it runs like everybody else.
  }
}

/** Each form with its length before it. A process that ends early does not want the rest. */
function send(child: ChildProcess, forms: readonly Uint8Array[]): void {
  const { stdin } = child;
  if (stdin === null) return;
  stdin.on('error', () => stdin.destroy());
  for (const form of forms) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(form.length);
    stdin.write(length);
    stdin.write(form);
  }
  stdin.end();
}

function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < outputCharsMax) text += chunk;
  });
  return () => text;
}

function explainEnd(code: number | string, output: string): string {
  const line =
    output.split('\n').find((one) => /out of memory|Error|Check failed/i.test(one)) ?? '';
  const plain = line.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
  return `one that ended the process with ${code}${plain === '' ? '' : `: ${plain}`}`;
}
