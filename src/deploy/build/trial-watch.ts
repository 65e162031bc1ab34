/**
 * What a trial process tells, line by line, held against the bounds of one module. All times are
 * processor time: a busy machine changes no verdict.
 */

import { inBytes } from '../../amounts.ts';

export interface TrialBounds {
  /** Processor time of all forms of the module. */
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

/** V8's line about one function. Its bytes are the most it held at once. */
const compiledLine = /^Compiled function \S+#(\d+) using \w+, took \d+ \S+ and (\d+)/;
const usedLine = /^used (\d+) (\d+)$/;

/** Reads what the process tells, and ends it when it goes beyond its bounds. */
export class TrialWatch {
  readonly #bounds: TrialBounds;
  readonly #kill: () => void;
  readonly #compiled = new Set<number>();
  #verdict: Extract<TrialEnding, { kind: 'starved' | 'stopped' }> | undefined;
  #excess: { received: string; index?: number; isOutOfTime: boolean } | undefined;
  /** What the process had used when it began with the module. */
  #cpuMsBefore: number | undefined;
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

  #readUsed(processCpuMs: number, residentBytes: number): void {
    this.#cpuMsBefore ??= processCpuMs;
    const cpuMs = processCpuMs - this.#cpuMsBefore;
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

function explainEnd(code: number | string, output: string): string {
  const line =
    output.split('\n').find((one) => /out of memory|Error|Check failed/i.test(one)) ?? '';
  const plain = line.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
  return `one that ended the process with ${code}${plain === '' ? '' : `: ${plain}`}`;
}
