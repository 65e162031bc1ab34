/** Processor time of another process, as Linux tells it. Touches /proc. */
import { readFileSync } from 'node:fs';

/** `USER_HZ`, which is 100 on every Linux that Node.js runs on. */
const msPerTick = 10;

export interface ProcessCpu {
  /** Of all threads. */
  readonly processMs: number;
  /** Of the main thread, which is the control plane. */
  readonly mainMs: number;
  /** Of children that have ended. */
  readonly childrenMs: number;
}

/** What it has used since it began. */
export function readCpu(pid: number): ProcessCpu {
  const process = readTicks(`/proc/${pid}/stat`);
  const main = readTicks(`/proc/${pid}/task/${pid}/stat`);
  return {
    processMs: process.own * msPerTick,
    mainMs: main.own * msPerTick,
    childrenMs: process.children * msPerTick,
  };
}

/** What was used since `before`. */
export function cpuSince(pid: number, before: ProcessCpu): ProcessCpu {
  const now = readCpu(pid);
  return {
    processMs: now.processMs - before.processMs,
    mainMs: now.mainMs - before.mainMs,
    childrenMs: now.childrenMs - before.childrenMs,
  };
}

export function readResidentMib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1_024;
}

function readTicks(file: string): { readonly own: number; readonly children: number } {
  // The name of the program comes before them, and may hold anything.
  const fields = readFileSync(file, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const ticksAt = (index: number): number => Number(fields[index]);
  return { own: ticksAt(11) + ticksAt(12), children: ticksAt(13) + ticksAt(14) };
}
