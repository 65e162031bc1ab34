/**
 * Who has had the machine's cores, and who has waited for them: an answer that is late because the
 * attackers' own client took the core is not the daemon's fault. Reads `/proc`, of Linux.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Of one process, or of the threads of one name. */
export interface CoreUse {
  readonly name: string;
  readonly cpuMs: number;
  /** Ready to run, and on no core. */
  readonly waitedMs: number;
}

interface ThreadUse {
  readonly comm: string;
  readonly cpuNs: number;
  readonly waitedNs: number;
}

export class CoreWatch {
  readonly #name: string;
  readonly #pid: number;
  readonly #start: ReadonlyMap<string, ThreadUse>;

  constructor(name: string, pid: number) {
    this.#name = name;
    this.#pid = pid;
    this.#start = readThreads(pid);
  }

  /** Since the watch began, by the names of threads; threads that have ended are missing. */
  read(): CoreUse[] {
    const uses = new Map<string, CoreUse>();
    for (const [id, { comm, cpuNs, waitedNs }] of readThreads(this.#pid)) {
      const before = this.#start.get(id);
      const name = `${this.#name}/${comm}`;
      const known = uses.get(name) ?? { name, cpuMs: 0, waitedMs: 0 };
      uses.set(name, {
        name,
        cpuMs: known.cpuMs + (cpuNs - (before?.cpuNs ?? 0)) / 1e6,
        waitedMs: known.waitedMs + (waitedNs - (before?.waitedNs ?? 0)) / 1e6,
      });
    }
    return [...uses.values()];
  }
}

/** In the order of what each has used, those that hardly did anything left out. */
export function describeCores(uses: readonly CoreUse[], elapsedMs: number): string[] {
  const share = (ms: number): string => `${Math.round((100 * ms) / elapsedMs)} %`;
  return uses
    .filter(({ cpuMs }) => cpuMs > elapsedMs / 100)
    .toSorted((left, right) => right.cpuMs - left.cpuMs)
    .map(({ name, cpuMs, waitedMs }) => {
      return `  ${name}: ${share(cpuMs)} of a core, waited for one ${share(waitedMs)}`;
    });
}

function readThreads(pid: number): Map<string, ThreadUse> {
  const threads = new Map<string, ThreadUse>();
  for (const id of listThreads(pid)) {
    const use = readThread(`/proc/${pid}/task/${id}`);
    if (use !== undefined) threads.set(id, use);
  }
  return threads;
}

function listThreads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process has ended.
    return [];
  }
}

function readThread(directory: string): ThreadUse | undefined {
  try {
    const comm = readFileSync(`${directory}/comm`, 'latin1').trim();
    const [cpu, waited] = readFileSync(`${directory}/schedstat`, 'latin1').split(' ');
    return { comm, cpuNs: Number(cpu), waitedNs: Number(waited) };
  } catch {
    // The thread ended between the look and the reading.
    return undefined;
  }
}
