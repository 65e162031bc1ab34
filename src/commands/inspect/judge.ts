/**
 * A module's verdict for a person: the very one that the deploy road would reach. Touches the file
 * of the module.
 */

import { open } from 'node:fs/promises';
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import type { Artifact } from '../../deploy/build/artifact.ts';
import { Builder } from '../../deploy/build/builder.ts';
import { Modules } from '../../deploy/build/modules.ts';
import { Trial } from '../../deploy/build/trial.ts';
import type { TrialBook, TriedModule } from '../../deploy/build/trial-book.ts';
import { quarantineRecord } from '../../deploy/keep/quarantine.ts';
import { type ErrorCode, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import { openJournal } from '../../journal/journal.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest, LoadedModule } from '../../threads/messages.ts';
import { type TriedStart, tryStart } from './initialise.ts';

export type JudgedModule =
  | {
      readonly kind: 'accepted';
      readonly artifact: Artifact;
      /** Compiled as the daemon would run it. */
      readonly loaded: LoadedModule;
      /** Why V8's optimiser may not have it; undefined when it may, or that takes long to say. */
      readonly slowReason: string | undefined;
      /** What came of what is done once; it may fail though the module is accepted. */
      readonly start: TriedStart;
    }
  | { readonly kind: 'refused'; readonly error: ErrorRecord };

export interface ModuleJudgeOptions {
  readonly limits: Limits;
  /** Content that the daemon of this machine does not run; left out: nobody is asked. */
  readonly quarantined?: ReadonlySet<Digest>;
}

/** One person asks: there is nobody to take turns with. */
const owner = '' as OwnerKey;
const refusals: ReadonlySet<ErrorCode> = new Set(['module-refused', 'module-quarantined']);

/**
 * Judges modules one after another on the deploy road, in a thread of its own as the daemon does;
 * to be closed. Nothing is kept: of the state directory there are only the marks it is given.
 */
export class ModuleJudge implements AsyncDisposable {
  readonly #limits: Limits;
  readonly #builder: Builder;
  readonly #trial = new Trial();
  readonly #book = new PassingBook();
  readonly #modules: Modules;

  constructor({ limits, quarantined }: ModuleJudgeOptions) {
    this.#limits = limits;
    this.#builder = new Builder({ limits });
    this.#modules = new Modules({
      builder: this.#builder,
      trial: this.#trial,
      book: this.#book,
      suspects: {
        refusalOf: (digest) =>
          quarantined?.has(digest) === true ? quarantineRecord(digest) : undefined,
      },
      store: { ownerOf: () => owner, readModule: keepsNothing, sizeOf: () => undefined },
      probation: {
        begin: async () => undefined,
        foresee: async () => undefined,
        renew: () => undefined,
      },
      journal: openJournal(),
      compiledBytesMax: limits.compiledBytesMax,
      waitsForOptimiser: true,
    });
  }

  async judge(bytes: Uint8Array): Promise<JudgedModule> {
    // The thread takes its bytes for good; the caller may still want its own.
    const verdict = await this.#builder.build(async () => new Uint8Array(bytes));
    if (verdict.kind === 'refused') return { kind: 'refused', error: verdict.error };
    if (verdict.kind === 'known') return keepsNothing();
    const { artifact } = verdict;
    try {
      const loaded = await this.#modules.admit({ artifact, original: verdict.bytes, owner });
      const slowReason = (await this.#book.read(artifact))?.reason;
      const start = await tryStart(loaded, this.#limits);
      return { kind: 'accepted', artifact, loaded, slowReason, start };
    } catch (error) {
      if (!(error instanceof TerrafirmaError) || !refusals.has(error.code)) throw error;
      return { kind: 'refused', error: toErrorRecord(error) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#builder.close(), this.#trial.close()]);
  }
}

/** What the trial said, for as long as the command runs. */
class PassingBook implements Pick<TrialBook, 'read' | 'write'> {
  readonly #tried = new Map<Digest, TriedModule>();

  async read({ digest }: Pick<Artifact, 'digest'>): Promise<TriedModule | undefined> {
    return this.#tried.get(digest);
  }

  async write({ digest }: Pick<Artifact, 'digest'>, tried: TriedModule): Promise<void> {
    this.#tried.set(digest, tried);
  }
}

function keepsNothing(): never {
  throw new TerrafirmaError('internal', 'Cannot judge the module: there is no kept version here');
}

/** The bytes of a file that a person named. Errors: `usage`, with the reason. */
export async function readNamedFile(
  file: string,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    await using handle = await open(file);
    const stats = await handle.stat();
    if (!stats.isFile()) throw refuseFile(file, 'it must be a file', 'something else');
    if (stats.size > bytesMax) {
      throw refuseFile(file, `it must have at most ${inBytes(bytesMax)}`, `${stats.size}`);
    }
    return new Uint8Array(await handle.readFile());
  } catch (error) {
    if (error instanceof TerrafirmaError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw refuseFile(file, 'it must be readable', reason);
  }
}

function refuseFile(file: string, rule: string, received: string): TerrafirmaError {
  return new TerrafirmaError('usage', `Cannot read ${file}: ${rule}: received ${received}`);
}
