/**
 * A FUSE file system of one directory, for tests of folders that hang: reads of the files that are
 * told to hang never return, everything else is answered. The server is a process of its own, as
 * that of any synced folder is. Only on Linux, where /dev/fuse may be mounted.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';

const SERVER = join(import.meta.dirname, 'fuse-server.ts');

/** Content by path below the mount, one level of directories deep. */
export type FuseFiles = Readonly<Record<string, string>>;

export class FuseMount implements AsyncDisposable {
  readonly directory: string;
  #server: ChildProcess | undefined;
  readonly #old: ChildProcess[] = [];

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** Mounts; `hanging` are paths whose reads never return. False: this machine has no FUSE. */
  async mount(files: FuseFiles, hanging: readonly string[] = []): Promise<boolean> {
    let device: number;
    try {
      device = openSync('/dev/fuse', 'r+');
    } catch {
      return false;
    }
    const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const options = `fd=3,rootmode=40755,user_id=${user},group_id=${group}`;
    const mounting = spawnSync(
      'mount',
      ['-i', '-t', 'fuse', '-o', `${options},default_permissions`, 'terrafirma', this.directory],
      { stdio: ['ignore', 'ignore', 'ignore', device] },
    );
    if (mounting.status !== 0) {
      closeSync(device);
      return false;
    }
    const plan = JSON.stringify({ files, hanging });
    const server = spawn(process.execPath, [SERVER, plan], {
      stdio: ['ignore', 'pipe', 'inherit', device],
    });
    closeSync(device);
    this.#server = server;
    if (server.stdout !== null) await once(server.stdout, 'data');
    return true;
  }

  /** Unmounts as `umount -l` does: what hangs in it hangs on until `release`. */
  detach(): void {
    spawnSync('umount', ['-l', this.directory]);
    if (this.#server !== undefined) this.#old.push(this.#server);
    this.#server = undefined;
  }

  /** Ends the servers of mounts that were detached: what hung in them returns. */
  async release(): Promise<void> {
    for (const server of this.#old.splice(0)) await end(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.detach();
    await this.release();
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}
