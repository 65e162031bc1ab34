/**
 * A small component of our own, read, rewritten, tried and compiled before there is one of somebody
 * else: V8 compiles the daemon's functions when they are first called, and runs them slowly until
 * they have been called often. Nothing is kept of it, and nobody is told. Touches the file system.
 */
import { readFile } from 'node:fs/promises';
import type { OwnerKey } from '../../names.ts';
import type { LoadedModule } from '../../threads/messages.ts';
import { formsOf } from '../build/artifact.ts';
import type { Builder } from '../build/builder.ts';
import { programFrom } from '../build/program.ts';
import type { Trial } from '../build/trial.ts';
import { bytesOf } from '../build/trial-process.ts';

/** What `test/guests/components/rust/hello.rs` comes to: its imports are those of most. */
const greeting = new URL('./greeting.wasm', import.meta.url);
const nobody = '' as OwnerKey;

export interface PracticeParts {
  readonly builder: Pick<Builder, 'build' | 'compile' | 'hasBuilt' | 'prepare'>;
  readonly trial: Pick<Trial, 'admit' | 'prepare'>;
}

export class Practice {
  readonly #parts: PracticeParts;

  constructor(parts: PracticeParts) {
    this.#parts = parts;
  }

  /** The first visitor of a new module should not wait for a thread and a process to start. */
  prepare(): void {
    this.#parts.builder.prepare();
    this.#parts.trial.prepare();
  }

  /**
   * Resolves to the component, compiled after its trial, to be practised with elsewhere; undefined
   * where others have been first.
   *
   * @throws what the builder and the trial throw, and the file system's own error
   */
  async run(): Promise<LoadedModule | undefined> {
    const { builder, trial } = this.#parts;
    if (builder.hasBuilt) return undefined;
    const bytes = new Uint8Array(await readFile(greeting));
    // All forms: those of a small module are the same, and no file is written of them.
    const how = { owner: nobody, forms: 'all', isPractice: true } as const;
    const verdict = await builder.build(async () => bytes, how);
    if (verdict.kind !== 'built') return undefined;
    const { artifact } = verdict;
    const forms = formsOf(artifact.cores);
    await trial.admit({ forms, owner: nobody });
    const modules = await builder.compile(forms, 'baseline', { owner: nobody });
    const { abi, digest, entry } = artifact;
    const program = programFrom(artifact, modules);
    return { digest, program, abi, entry, codeBytes: bytesOf(forms), isOptimised: false };
  }
}
