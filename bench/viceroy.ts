/**
 * The vendor's local server for programs of Fastly's kits, where `VICEROY` names that program.
 * Touches other processes and the file system.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { placed } from './pinning.ts';
import { askUntil, BenchFolder, findPort } from './servers.ts';
import { Sleeper } from './sleeper.ts';

/** What the programs of scripts/build-fastly-guests.ts answer there. */
export const path = '/hello';
export const answer = 'Hello, world!\n';
/** It compiles the whole module before it listens, here on one core. */
const compilingMsMax = 180_000;

export class Viceroy implements AsyncDisposable {
  readonly url: string;
  /** Asleep once it has started. */
  readonly sleeper: Sleeper;
  readonly #child: ChildProcess;
  readonly #folder: BenchFolder;

  private constructor(parts: { url: string; child: ChildProcess; folder: BenchFolder }) {
    this.url = parts.url;
    this.#child = parts.child;
    this.sleeper = new Sleeper(parts.child);
    this.#folder = parts.folder;
  }

  /** Undefined where nobody says where it is. */
  static async start(module: string): Promise<Viceroy | undefined> {
    const program = process.env.VICEROY;
    if (program === undefined) return undefined;
    const folder = new BenchFolder();
    const settings = join(folder.directory, 'fastly.toml');
    writeFileSync(settings, 'manifest_version = 3\nname = "bench"\n[local_server]\n');
    const address = `127.0.0.1:${await findPort()}`;
    const args = ['serve', '--addr', address, '-C', settings, module];
    const [command, ...rest] = placed('server', [program, ...args]);
    const child = spawn(command, rest, { stdio: 'ignore' });
    const viceroy = new Viceroy({ url: `http://${address}${path}`, child, folder });
    try {
      await askUntil(viceroy.url, (text) => text === answer, { waitMsMax: compilingMsMax });
    } catch (error) {
      await viceroy[Symbol.asyncDispose]();
      throw error;
    }
    viceroy.sleeper.sleep();
    return viceroy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    this.#folder[Symbol.dispose]();
  }
}
