/**
 * Edge: the trials/ directory of the state. Remembers which exact code V8's compilers were tried
 * with, so that a restart need not try it again; and nothing else may be compiled in this process.
 *
 *     trials/<digest>.json     one module: what was tried, and which compilers may have it
 *
 * What was tried is named by the hash of each form that was compiled, with the V8 and the kind of
 * processor: a trial is of no worth once one of them, or the rewriting, is another. Modules of
 * equal code, such as builds of one program that differ in a custom section, have equal forms: what
 * one of them has passed, all have.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { fileErrorCode, writeWhole } from '../../outside/state/durable.ts';
import { makeDirectory } from '../../outside/state/make-directory.ts';
import { readTextNow } from '../../outside/state/read-now.ts';
import type { Digest } from '../../threads/messages.ts';
import { objectOf, parseJson, textOf } from '../keep/record.ts';
import { listNames } from '../keep/record-files.ts';
import type { Artifact } from './artifact.ts';
import type { CompilerTier } from './builder-messages.ts';

export interface TriedModule {
  readonly tier: CompilerTier;
  /** Why the optimiser may not have it. */
  readonly reason?: string | undefined;
  /** The optimiser has not been tried. */
  readonly isOpen?: boolean | undefined;
}

/** What decides whether a trial is that of an artifact. */
export type TriedCode = Pick<Artifact, 'digest' | 'formHashes'>;

/** Files in the directory; the oldest makes room. Opening sweeps what is not kept any more. */
const trialsKeptMax = 100_000;
/** One that is larger was not written by us: a component has some thousands of forms at most. */
const trialBytesMax = 4 * 1024 ** 2;
/** Forms whose trial is known whichever module they are of: those that were met last. */
const formsKnownMax = 16_384;

export class TrialBook {
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #keptMax: number;
  /** Modules with a file, the oldest first. */
  readonly #kept = new Set<Digest>();
  /** Which modules have survived, of those that were met last. */
  readonly #survived = new LRUCache<Digest, boolean>({ max: formsKnownMax });
  /** By the hash of a form. */
  readonly #forms = new LRUCache<string, TriedModule>({ max: formsKnownMax });

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
        else await rm(join(directory, name), { recursive: true, force: true });
      }
    } catch (error) {
      const detail = `Cannot use the state directory ${directory}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
    return book;
  }

  /** What is known of this very code, or of parts of it, together; undefined: not of all of it. */
  async read(artifact: TriedCode): Promise<TriedModule | undefined> {
    const tried = this.#readTried(artifact.digest);
    if (tried?.engine !== engine) return await this.#takeOver(artifact);
    for (const hash of tried.forms) this.#learn(hash, tried);
    const isOfAll = artifact.formHashes.every((hash) => tried.forms.includes(hash));
    // What was open may be known of equal code by now.
    if (!isOfAll || tried.isOpen === true) return await this.#takeOver(artifact);
    return factsOf(tried);
  }

  /**
   * Remembers a trial. A failure is logged: then the module is tried again after a restart, as it
   * is when a power cut takes the file; the disk is not waited for.
   */
  async write({ digest, formHashes }: TriedCode, tried: TriedModule): Promise<void> {
    const facts = factsOf(tried);
    for (const hash of formHashes) this.#learn(hash, facts);
    const text = formatTried({ ...facts, engine, forms: formHashes, hasSurvived: false });
    this.#survived.set(digest, false);
    try {
      await this.#makeRoom(digest);
      await writeWhole(this.#path(digest), text);
    } catch (error) {
      this.#journal.tell('trial-not-kept', { digest, reason: describeError(error) });
    }
  }

  /** Whether the process did well with this very code for as long as a probation takes. */
  hasSurvived(digest: Digest): boolean {
    return this.#survived.get(digest) ?? this.#readTried(digest)?.hasSurvived ?? false;
  }

  /**
   * Nothing is kept of a module that has no whole trial.
   *
   * @throws the file system's own error
   */
  async noteSurvival(digest: Digest, hasSurvived: boolean): Promise<void> {
    const tried = this.#readTried(digest);
    if (tried === undefined || tried.hasSurvived === hasSurvived) return;
    await writeWhole(this.#path(digest), formatTried({ ...tried, hasSurvived }));
    this.#survived.set(digest, hasSurvived);
  }

  #readTried(digest: Digest): KeptTrial | undefined {
    const tried = readTried(this.#path(digest), this.#journal);
    if (tried !== undefined) this.#survived.set(digest, tried.hasSurvived);
    return tried;
  }

  async #makeRoom(digest: Digest): Promise<void> {
    this.#kept.delete(digest);
    this.#kept.add(digest);
    for (const oldest of this.#kept) {
      if (this.#kept.size <= this.#keptMax) return;
      this.#kept.delete(oldest);
      await rm(this.#path(oldest), { recursive: true, force: true });
    }
  }

  #learn(hash: string, tried: TriedModule): void {
    const known = this.#forms.get(hash);
    if (known === undefined || known.isOpen === true) this.#forms.set(hash, factsOf(tried));
  }

  /** Each form was tried in some module: together they may have what each of them may. */
  async #takeOver(artifact: TriedCode): Promise<TriedModule | undefined> {
    let together: TriedModule | undefined;
    for (const hash of artifact.formHashes) {
      const tried = this.#forms.get(hash);
      if (tried === undefined) return undefined;
      if (together === undefined || strictness(tried) > strictness(together)) together = tried;
    }
    const isKept = this.#kept.has(artifact.digest);
    const isNews = together !== undefined && !(isKept && together.isOpen === true);
    if (together !== undefined && isNews) await this.write(artifact, together);
    return together;
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
    const tried = await readTriedLater(join(directory, name), journal);
    if (tried?.tier !== 'baseline' || tried.reason === undefined) continue;
    reasons.set(name.replace(/\.json$/, '') as Digest, tried.reason);
  }
  return reasons;
}

interface KeptTrial extends TriedModule {
  /** See `engine` below. */
  readonly engine: string;
  /** Hashes of what was compiled. */
  readonly forms: readonly string[];
  /** See `hasSurvived`. */
  readonly hasSurvived: boolean;
}

/** What decides how code compiles beside the code. */
const engine = `${process.versions.v8} ${process.arch}`;
const format = 2;

function strictness({ tier, isOpen }: TriedModule): number {
  if (tier === 'optimised') return 0;
  return isOpen === true ? 1 : 2;
}

function factsOf({ tier, reason, isOpen }: TriedModule): TriedModule {
  return { tier, reason, isOpen };
}

function formatTried(tried: KeptTrial): string {
  return `${JSON.stringify({ format, ...tried })}\n`;
}

/** Undefined where there is none, or it cannot be read. */
function readTried(path: string, journal: Journal): KeptTrial | undefined {
  try {
    const text = readTextNow(path, trialBytesMax);
    return text === undefined ? undefined : parseTried(text);
  } catch (error) {
    tellDamage(path, error, journal);
    return undefined;
  }
}

/** The same where nobody waits, and many are read. */
async function readTriedLater(path: string, journal: Journal): Promise<KeptTrial | undefined> {
  try {
    return parseTried(await readFile(path, 'utf8'));
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') tellDamage(path, error, journal);
    return undefined;
  }
}

function tellDamage(path: string, error: unknown, journal: Journal): void {
  journal.tell('trial-damaged', { file: path, reason: describeError(error) });
}

/** @throws for what is none */
function parseTried(text: string): KeptTrial | undefined {
  const value = objectOf(parseJson(text), 'a trial');
  // Of an earlier release: its forms are others, too.
  if (value.format !== format) return undefined;
  const { reason, forms } = value;
  return {
    engine: textOf(value.engine, 'engine'),
    forms: Array.isArray(forms) ? forms.map((hash) => textOf(hash, 'forms')) : [],
    tier: value.tier === 'optimised' ? 'optimised' : 'baseline',
    reason: reason === undefined ? undefined : textOf(reason, 'reason'),
    isOpen: value.isOpen === true,
    hasSurvived: value.hasSurvived === true,
  };
}
