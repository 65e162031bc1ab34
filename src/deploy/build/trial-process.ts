/**
 * Edge: a process that compiles modules with one of V8's two compilers, function after function,
 * within bounds of time and memory. It runs no code of theirs. Starting it takes as long as most
 * trials, so it may try one module after another; whoever fails ends it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { TerrafirmaError } from '../../errors.ts';
import { withoutPrecedence } from '../../threads/precedence.ts';
import { type TrialBounds, type TrialEnding, TrialWatch } from './trial-watch.ts';

export type Compiler = 'baseline' | 'optimiser';

/**
 * `quick` is the baseline compiler, too, but nothing is told of single functions: of a large module
 * telling, and listening, take several times as long as compiling.
 */
export type TrialKind = 'quick' | Compiler;

export interface TrialTask {
  readonly compiler: TrialKind;
  readonly forms: readonly Uint8Array[];
  readonly bounds: TrialBounds;
}

const outputCharsMax = 1_000;

/** As `nice` has it: trials give way to requests, and what nobody waits for to what is awaited. */
const priorities: Readonly<Record<TrialKind, number>> = { quick: 10, baseline: 10, optimiser: 14 };

const commonFlags: readonly string[] = [
  // All functions at once instead of at their first call, one after another.
  '--no-wasm-lazy-compilation',
  // For the one intrinsic that makes V8 write out what it has traced so far.
  '--allow-natives-syntax',
  '--max-old-space-size=128',
  '--disable-warning=ExperimentalWarning',
];

const baselineFlags = ['--liftoff', '--no-wasm-tier-up'];
/** One function after another: what was used between two lines is that of one. */
const tellingFlags = ['--wasm-num-compilation-tasks=1', '--trace-wasm-compilation-times'];
const compilerFlags: Readonly<Record<TrialKind, readonly string[]>> = {
  // Two at once: what both used together is held against the bound of one.
  quick: [...baselineFlags, '--wasm-num-compilation-tasks=2'],
  baseline: [...baselineFlags, ...tellingFlags],
  optimiser: ['--no-liftoff', ...tellingFlags],
};

/**
 * What the process runs. On standard input comes for each module the number of its forms, and each
 * form with its length before it (u32, little-endian); it says every 20 ms what it has used, and
 * `done` when all forms are compiled. Where nothing is told of functions, it says before that what
 * it held at most in all its life: what was held between two looks counts, too. As text, because a
 * TypeScript file would first load Node's own type stripper, a WebAssembly module that these flags
 * compile whole: 0.3 s more.
 */
const trialScript = `
  const fs = require('node:fs');
  const say = (line) => { %DebugPrint(0); fs.writeSync(1, line + '\\n'); };
  const tell = (bytes = process.memoryUsage.rss()) => {
    const { user, system } = process.cpuUsage();
    say('used ' + (user + system) + ' ' + bytes);
  };
  const readPeak = () => {
    if (process.platform !== 'linux') return process.memoryUsage.rss();
    const status = fs.readFileSync('/proc/self/status', 'latin1');
    return Number(/^VmHWM:\\s+(\\d+) kB/m.exec(status)[1]) * 1024;
  };
  const read = (length) => {
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let at = 0; at < length; ) {
      const count = fs.readSync(0, bytes, at, length - at);
      if (count === 0) process.exit(2);
      at += count;
    }
    return bytes;
  };
  const readNumber = () => read(4).readUInt32LE();
  setInterval(() => tell(), 20);
  (async () => {
    for (;;) {
      const forms = Array.from({ length: readNumber() }, () => read(readNumber()));
      for (const form of forms) {
        tell();
        say('form');
        await WebAssembly.compile(form);
      }
      tell(process.argv[1] === 'quick' ? readPeak() : undefined);
      say('done');
    }
  })().catch((error) => { console.error(String(error)); process.exit(1); });`;

export class TrialProcess {
  readonly #child: ChildProcess;
  readonly #errors: () => string;
  /** Exit code or signal. */
  readonly #closed: Promise<number | string>;
  #watch: TrialWatch | undefined;
  #onDone: () => void = () => undefined;
  #triedBytes = 0;
  #isEnded = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#errors = collect(child);
    this.#closed = once(child, 'close').then(
      // Only `done` says that all went well.
      ([exitCode, signal]) => signal ?? (exitCode || 'no answer'),
      String,
    );
    void this.#closed.then(() => {
      this.#isEnded = true;
    });
    // A process that ends early does not want the rest.
    child.stdin?.on('error', () => child.stdin?.destroy());
    const lines = createInterface({ input: child.stdout ?? failStart() });
    lines.on('line', (line) => {
      if (line === 'done') this.#onDone();
      else this.#watch?.read(line);
    });
  }

  /** @throws TerrafirmaError `internal`: no process can be started. */
  static async start(compiler: TrialKind): Promise<TrialProcess> {
    const flags = [...commonFlags, ...compilerFlags[compiler]];
    const child = withoutPrecedence(() =>
      spawn(process.execPath, [...flags, '--eval', trialScript, compiler], {
        stdio: ['pipe', 'pipe', 'pipe'],
        // Nothing of the operator's environment is the module's business.
        env: {},
      }),
    );
    try {
      await once(child, 'spawn');
    } catch (cause) {
      failStart(cause);
    }
    if (child.pid !== undefined) lowerPriority(child.pid, priorities[compiler]);
    return new TrialProcess(child);
  }

  /** Bytes of the forms that it has been given. */
  get triedBytes(): number {
    return this.#triedBytes;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** One trial at a time; `stop` ends it, and the process. Only one that compiled lets it live. */
  async run({ forms, bounds }: Omit<TrialTask, 'compiler'>, stop: AbortSignal) {
    const watch = new TrialWatch(bounds, () => this.end());
    this.#watch = watch;
    const { promise: done, resolve } = Promise.withResolvers<number>();
    const onStop = (): void => {
      watch.stop();
      // On a busy machine it takes seconds to die, which nobody who stops has to wait for.
      resolve(0);
    };
    stop.addEventListener('abort', onStop);
    if (stop.aborted) onStop();
    const timer = setTimeout(() => watch.starve(), bounds.wallMsMax);
    this.#onDone = () => resolve(0);
    this.#hold();
    this.#triedBytes += bytesOf(forms);
    try {
      this.#send(forms);
      const ended = await Promise.race([done, this.#closed]);
      const ending: TrialEnding = watch.conclude(ended, this.#errors());
      if (ending.kind !== 'compiled') this.end();
      return ending;
    } finally {
      if (stop.aborted) this.rest();
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
      this.#watch = undefined;
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#child.kill('SIGKILL');
  }

  /** It waits for its next trial: that alone keeps no process alive. */
  rest(): void {
    this.#child.unref();
    for (const stream of this.#streams()) stream.unref();
  }

  #hold(): void {
    this.#child.ref();
    for (const stream of this.#streams()) stream.ref();
  }

  /** The pipes, which are sockets though their types do not say so. */
  #streams(): readonly Socket[] {
    const { stdin, stdout, stderr } = this.#child;
    return [stdin, stdout, stderr].filter((stream) => stream instanceof Socket);
  }

  #send(forms: readonly Uint8Array[]): void {
    const { stdin } = this.#child;
    stdin?.write(asNumber(forms.length));
    for (const form of forms) {
      stdin?.write(asNumber(form.length));
      stdin?.write(form);
    }
  }
}

export function bytesOf(forms: readonly Uint8Array[]): number {
  return forms.reduce((sum, { length }) => sum + length, 0);
}

/**
 * One trial in a process of its own, to its end; `stop` ends it early.
 *
 * @throws TerrafirmaError `internal`: no process can be started.
 */
export async function runTrial(task: TrialTask, stop: AbortSignal): Promise<TrialEnding> {
  const started = await TrialProcess.start(task.compiler);
  try {
    return await started.run(task, stop);
  } finally {
    started.end();
  }
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

function asNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < outputCharsMax) text += chunk;
  });
  return () => text;
}
