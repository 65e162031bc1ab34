/**
 * Edge: a throwaway process that compiles every function of a module once, before the module is
 * accepted. V8 compiles a function when it is first called, on the calling thread and outside any
 * meter, and running out of memory while it compiles ends the process: Mallory's few kilobytes of
 * nested blocks would stop everybody's sites. In the trial they end a process of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { TerrafirmaError } from '../errors.ts';
import type { Artifact } from './artifact.ts';

export interface TrialOptions {
  /** How long the compilation of one module may take. */
  readonly trialMsMax?: number;
  /** Memory the process may hold on top of `residentBytesPerCodeByte` times the code. */
  readonly residentBytesMax?: number;
}

const trialMsMaxDefault = 30_000;
const residentBytesMaxDefault = 512 * 1024 * 1024;
/** Baseline machine code and its tables; 6 to 12 were seen with real modules. */
const residentBytesPerCodeByte = 24;
const lookMs = 50;
const pageBytes = 4_096;
/** Trials give way to requests. */
const lowPriority = 10;
const outputCharsMax = 1_000;

/**
 * All functions at once instead of at their first call, in one background task, with little
 * JavaScript heap.
 */
const trialFlags = [
  '--no-wasm-lazy-compilation',
  '--wasm-num-compilation-tasks=1',
  '--max-old-space-size=128',
  '--disable-warning=ExperimentalWarning',
];

/**
 * What the process runs: compiles each module on standard input, its length (u32, little-endian)
 * before it. As text, because a TypeScript file would first load Node's own type stripper, a
 * WebAssembly module that these flags compile whole: 0.3 s more for every trial.
 */
const trialScript = `
  const input = require('node:fs').readFileSync(0);
  for (let offset = 0; offset < input.length; ) {
    const end = offset + 4 + input.readUInt32LE(offset);
    new WebAssembly.Module(input.subarray(offset + 4, end));
    offset = end;
  }`;

type Ending = { readonly kind: 'compiled' } | { readonly kind: 'failed'; readonly reason: string };

export class Trial {
  readonly #trialMsMax: number;
  readonly #residentBytesMax: number;
  #last: Promise<unknown> = Promise.resolve();
  #child: ChildProcess | undefined;
  #isClosed = false;

  constructor(options: TrialOptions = {}) {
    this.#trialMsMax = options.trialMsMax ?? trialMsMaxDefault;
    this.#residentBytesMax = options.residentBytesMax ?? residentBytesMaxDefault;
  }

  /**
   * Compiles all forms of the artifact; one trial at a time.
   *
   * @throws TerrafirmaError `module-refused`: it takes too long, too much memory, or ended the
   * process. `internal`: no process can be had. `draining` after `close`.
   */
  async compile(artifact: Pick<Artifact, 'code' | 'cardsCode'>): Promise<void> {
    const forms = [artifact.code, artifact.cardsCode].filter((form) => form !== undefined);
    const turn = this.#last.then(() => this.#run(forms));
    this.#last = turn.catch(() => undefined);
    const ending = await turn;
    if (ending.kind === 'compiled') return;
    throw new TerrafirmaError(
      'module-refused',
      'Cannot accept the module: compiling it once must end well: ' +
        `received one that ${ending.reason}`,
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#child?.kill('SIGKILL');
    await this.#last;
  }

  async #run(forms: readonly Uint8Array[]): Promise<Ending> {
    if (this.#isClosed) throw new TerrafirmaError('draining');
    const child = await startChild();
    this.#child = child;
    const codeBytes = forms.reduce((sum, form) => sum + form.length, 0);
    const bytesMax = this.#residentBytesMax + codeBytes * residentBytesPerCodeByte;
    let endedFor: string | undefined;
    const end = (reason: string): void => {
      endedFor ??= reason;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => end(`took over ${this.#trialMsMax} ms`), this.#trialMsMax);
    const look = setInterval(async () => {
      if ((await residentBytes(child.pid)) > bytesMax) end(`took over ${bytesMax} bytes of memory`);
    }, lookMs);
    const output = collect(child);
    try {
      send(child, forms);
      const [exitCode, signal] = await once(child, 'close');
      if (this.#isClosed) throw new TerrafirmaError('draining');
      if (endedFor !== undefined) return { kind: 'failed', reason: endedFor };
      if (exitCode === 0) return { kind: 'compiled' };
      return { kind: 'failed', reason: explainEnd(exitCode ?? signal, output()) };
    } finally {
      clearTimeout(timer);
      clearInterval(look);
      this.#child = undefined;
    }
  }
}

async function startChild(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...trialFlags, '--eval', trialScript], {
    stdio: ['pipe', 'ignore', 'pipe'],
    // Nothing of the operator's environment is the module's business.
    env: {},
  });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const detail = 'Cannot compile the module on trial: no process can be started';
    throw new TerrafirmaError('internal', detail, { cause });
  }
  if (child.pid !== undefined) lowerPriority(child.pid);
  return child;
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, lowPriority);
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
  const line = output.split('\n').find((one) => /out of memory|Error/i.test(one)) ?? '';
  const plain = line.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
  return `ended the process with ${code}${plain === '' ? '' : `: ${plain}`}`;
}

/** 0 where the system does not tell; the time limit holds everywhere. */
async function residentBytes(pid: number | undefined): Promise<number> {
  try {
    const statm = await readFile(`/proc/${pid}/statm`, 'latin1');
    return Number(statm.split(' ')[1] ?? 0) * pageBytes;
  } catch {
    return 0;
  }
}
