/**
 * What a node remembers of the installation: `cluster.json` of the state directory. By it an engine
 * that was emptied, or set back to an older copy, is told from a fresh one. Edge: the disk.
 */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileErrorCode, writeDurably } from '../../state/durable.ts';
import type { KnownInstallation } from './installation.ts';

const savedEveryMs = 5_000;

export function installationPath(stateDirectory: string): string {
  return join(stateDirectory, 'cluster.json');
}

/**
 * Undefined before the first start.
 *
 * @throws where it cannot be read, or is damaged
 */
export function readInstallation(stateDirectory: string): KnownInstallation | undefined {
  try {
    const read = JSON.parse(readFileSync(installationPath(stateDirectory), 'utf8'));
    const { id, created, sequences } = Object(read);
    if (typeof id === 'string' && isTable(created) && isTable(sequences)) {
      return { id, created, sequences } as KnownInstallation;
    }
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  throw new Error(`Cannot read ${installationPath(stateDirectory)}: it must name an installation`);
}

/** What is in the engine now is what the node knows from its next start on. */
export async function forgetInstallation(stateDirectory: string): Promise<void> {
  await rm(installationPath(stateDirectory), { force: true });
}

export class InstallationMemory {
  readonly #stateDirectory: string;
  readonly #onTrouble: (reason: string) => void;
  readonly #sequences = new Map<string, number>();
  #known: KnownInstallation | undefined;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(stateDirectory: string, onTrouble: (reason: string) => void) {
    this.#stateDirectory = stateDirectory;
    this.#onTrouble = onTrouble;
  }

  opened(known: KnownInstallation): void {
    this.#known = known;
    for (const [stream, sequence] of Object.entries(known.sequences)) {
      this.#sequences.set(stream, sequence);
    }
    this.#save();
  }

  /** A commit was acknowledged. It is remembered within some seconds. */
  note(stream: string, sequence: number): void {
    if (sequence <= (this.#sequences.get(stream) ?? 0)) return;
    this.#sequences.set(stream, sequence);
    this.#timer ??= setTimeout(() => this.#save(), savedEveryMs).unref();
  }

  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#save();
    await this.#saving;
  }

  #save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#known === undefined) return;
    const known = { ...this.#known, sequences: Object.fromEntries(this.#sequences) };
    const bytes = Buffer.from(`${JSON.stringify(known)}\n`);
    this.#saving = this.#saving
      .then(() => writeDurably(installationPath(this.#stateDirectory), bytes))
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#onTrouble(`Cannot remember the installation: ${reason}`);
      });
  }
}

function isTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
