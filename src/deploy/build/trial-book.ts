/**
 * Edge: the trials/ directory of the state. Remembers which exact code V8's compilers were tried
 * with, so that a restart need not try it again; and nothing else may be compiled in this process.
 *
 *     trials/<digest>.json     one module: what was tried, and which compilers may have it
 *
 * What is remembered is of no worth once the V8, the processor's kind or the rewriting is another:
 * the key tells.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { fileErrorCode, writeDurably } from '../../outside/state/durable.ts';
import { makeDirectory } from '../../outside/state/make-directory.ts';
import type { Digest } from '../../threads/messages.ts';
import { objectOf, parseJson, textOf } from '../keep/record.ts';
import { listNames } from '../keep/store.ts';
import type { Artifact, ArtifactCore } from './artifact.ts';
import type { CompilerTier } from './builder-messages.ts';

export interface TriedModule {
  readonly tier: CompilerTier;
  /** Why the optimiser may not have it. */
  readonly reason?: string | undefined;
}

/** What decides whether a trial is that of an artifact. */
export interface TriedCode extends Pick<Artifact, 'digest'> {
  readonly cores: readonly Pick<ArtifactCore, 'code' | 'cardsCode'>[];
}

/** Files in the directory; the oldest makes room. Opening sweeps what is not kept any more. */
const trialsKeptMax = 100_000;

export class TrialBook {
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #keptMax: number;
  /** Modules with a file, the oldest first. */
  readonly #kept = new Set<Digest>();

  private constructor(directory: string, journal: Journal, keptMax: number) {
    this.#directory = directory;
    this.#journal = journal;
    this.#keptMax = keptMax;
  }

  /**
   * Opens the book of a state directory; trials of modules that are not kept are forgotten.
   *
   * @throws TerrafirmaError('state') when the directory cannot be used
   */
  static async open(
    stateDirectory: string,
    options: {
      readonly journal: Journal;
      readonly isKept: (digest: Digest) => boolean;
      readonly trialsKeptMax?: number;
    },
  ): Promise<TrialBook> {
    const directory = join(stateDirectory, 'trials');
    const book = new TrialBook(directory, options.journal, options.trialsKeptMax ?? trialsKeptMax);
    try {
      makeDirectory(directory);
      for (const name of await readdir(directory)) {
        const digest = name.replace(/\.json$/, '') as Digest;
        if (options.isKept(digest)) book.#kept.add(digest);
        else await rm(join(directory, name), { force: true });
      }
    } catch (error) {
      const detail = `Cannot use the state directory ${directory}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
    return book;
  }

  /** What is known of this very code; undefined when nothing is. */
  async read(artifact: TriedCode): Promise<TriedModule | undefined> {
    const tried = await readTried(this.#path(artifact.digest), this.#journal);
    return tried?.key === keyOf(artifact) ? tried : undefined;
  }

  /** Remembers a trial. A failure is logged: then the module is tried again after a restart. */
  async write(artifact: TriedCode, { tier, reason }: TriedModule): Promise<void> {
    const text = formatTried({ key: keyOf(artifact), tier, reason, hasSurvived: false });
    try {
      await this.#makeRoom(artifact.digest);
      await writeDurably(this.#path(artifact.digest), text);
    } catch (error) {
      const fields = { digest: artifact.digest, reason: describeError(error) };
      this.#journal.tell('trial-not-kept', fields);
    }
  }

  /** Whether the process did well with this very code for as long as a probation takes. */
  async hasSurvived(digest: Digest): Promise<boolean> {
    return (await readTried(this.#path(digest), this.#journal))?.hasSurvived ?? false;
  }

  /**
   * Nothing is kept of a module that has no whole trial.
   *
   * @throws the file system's own error
   */
  async noteSurvival(digest: Digest, hasSurvived: boolean): Promise<void> {
    const tried = await readTried(this.#path(digest), this.#journal);
    if (tried === undefined || tried.hasSurvived === hasSurvived) return;
    await writeDurably(this.#path(digest), formatTried({ ...tried, hasSurvived }));
  }

  async #makeRoom(digest: Digest): Promise<void> {
    this.#kept.delete(digest);
    this.#kept.add(digest);
    for (const oldest of this.#kept) {
      if (this.#kept.size <= this.#keptMax) return;
      this.#kept.delete(oldest);
      await rm(this.#path(oldest), { force: true });
    }
  }

  #path(digest: Digest): string {
    return join(this.#directory, `${digest}.json`);
  }
}

/** Why modules run without the optimiser, for the command line; see `TrialBook`. */
export async function readUnoptimised(
  stateDirectory: string,
  journal: Journal,
): Promise<ReadonlyMap<Digest, string>> {
  const directory = join(stateDirectory, 'trials');
  const reasons = new Map<Digest, string>();
  for (const name of await listNames(directory)) {
    if (!name.endsWith('.json')) continue;
    const tried = await readTried(join(directory, name), journal);
    if (tried?.tier !== 'baseline' || tried.reason === undefined) continue;
    reasons.set(name.replace(/\.json$/, '') as Digest, tried.reason);
  }
  return reasons;
}

interface KeptTrial extends TriedModule {
  readonly key: string;
  /** See `hasSurvived`. */
  readonly hasSurvived: boolean;
}

function formatTried(tried: KeptTrial): string {
  return `${JSON.stringify({ format: 1, ...tried })}\n`;
}

async function readTried(path: string, journal: Journal): Promise<KeptTrial | undefined> {
  try {
    const value = objectOf(parseJson(await readFile(path, 'utf8')), 'a trial');
    const { reason } = value;
    return {
      key: textOf(value.key, 'key'),
      tier: value.tier === 'optimised' ? 'optimised' : 'baseline',
      reason: reason === undefined ? undefined : textOf(reason, 'reason'),
      hasSurvived: value.hasSurvived === true,
    };
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    journal.tell('trial-damaged', { file: path, reason: describeError(error) });
    return undefined;
  }
}

/** What decides how a module compiles: its code, and the compilers. */
function keyOf({ cores }: TriedCode): string {
  const hash = createHash('sha256').update(`${process.versions.v8} ${process.arch}\n`);
  for (const { code, cardsCode } of cores) {
    for (const form of [code, cardsCode]) {
      hash.update(`${form?.length ?? 'none'}\n`).update(form ?? '');
    }
  }
  return hash.digest('hex');
}
