/** Edge: which network and FUSE mounts the machine has, asked of the kernel, which never hangs. */
import { readFile } from 'node:fs/promises';

const linuxTable = '/proc/self/mountinfo';
/** A machine that mounts and unmounts local file systems all day must not look like a remount. */
const syncedType = /^(?:fuse|nfs|cifs|smb|9p|afs|ceph|coda|vboxsf|lustre|gpfs|virtiofs)/;
const lookEveryMs = 1_000;

export interface MountTableOptions {
  /** In the form of proc_pid_mountinfo(5). */
  readonly file?: string;
  readonly nowMs?: () => number;
}

export class MountTable {
  readonly #file: string;
  readonly #nowMs: () => number;
  #known: Promise<string | undefined> | undefined;
  #lookedAtMs = 0;

  constructor(options: MountTableOptions = {}) {
    this.#file = options.file ?? linuxTable;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * The synced file systems that are mounted, as a text to compare; at most a second old. Undefined
   * where the system has no such table.
   */
  synced(): Promise<string | undefined> {
    const nowMs = this.#nowMs();
    if (this.#known === undefined || nowMs - this.#lookedAtMs >= lookEveryMs) {
      this.#lookedAtMs = nowMs;
      this.#known = this.#read();
    }
    return this.#known;
  }

  /** `36 35 0:49 / /keybase rw shared:7 - fuse kbfs rw`: id, device and place of each. */
  async #read(): Promise<string | undefined> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch {
      // Not Linux, or no /proc: then only calls that return free what they hold.
      return undefined;
    }
    const synced = text.split('\n').filter((line) => {
      const type = line.split(' - ')[1] ?? '';
      return syncedType.test(type);
    });
    return synced
      .map((line) => line.split(' '))
      .map(([id, , device, , place]) => `${id} ${device} ${place}`)
      .join('\n');
  }
}
