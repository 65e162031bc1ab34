/**
 * Compiled modules of the control plane: within a bound of bytes that owners share, equal compiles
 * joined. What falls out is only forgotten: threads that hold the module keep it, and who asks
 * again gets it compiled anew from the kept bytes. Nothing is compiled here that a trial has not
 * compiled before.
 */
import { OwnedCache } from '../../account/owned-cache.ts';
import { OwnerQueue } from '../../account/owner-queue.ts';
import { describeError, type ErrorRecord, fromErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest, LoadedModule } from '../../threads/messages.ts';
import type { Probation } from '../keep/probation.ts';
import type { Suspects } from '../keep/quarantine.ts';
import type { ModuleStore } from '../keep/store.ts';
import { type Artifact, formsOf } from './artifact.ts';
import type { Builder } from './builder.ts';
import type { CompilerTier } from './builder-messages.ts';
import { programFrom } from './program.ts';
import type { OptimiserVerdict, Trial } from './trial.ts';
import type { TrialBook } from './trial-book.ts';

/**
 * Memory a compiled module is taken to cost, as a multiple of the code of both its forms: V8 keeps
 * the code itself, and 2.6 to 2.9 times as much machine code of the baseline compiler.
 */
export const compiledBytesPerCodeByte = 4;

export interface ModulesOptions {
  readonly store: Pick<ModuleStore, 'ownerOf' | 'readModule'>;
  readonly builder: Builder;
  readonly trial: Pick<Trial, 'admit' | 'optimise'>;
  readonly book: Pick<TrialBook, 'read' | 'write'>;
  readonly suspects: Pick<Suspects, 'refusalOf'>;
  readonly probation: Pick<Probation, 'begin' | 'renew'>;
  readonly journal: Journal;
  readonly compiledBytesMax: number;
  /** The module was compiled anew, for the optimiser: threads that have it want the new one. */
  readonly onReplaced?: (digest: Digest) => void;
}

/** An artifact with the bytes it was made of, and for whom. */
export interface Candidate {
  readonly artifact: Artifact;
  readonly original: Uint8Array;
  readonly owner: OwnerKey;
}

/** Of a module whose compiling a person who waits for it is told of. */
const largeBytes = 4 * 1024 * 1024;
/** After "no verdict can be had now": not before then. */
const optimiseRetryMs = 60_000;
const optimisesWaitingMax = 4_096;

export class Modules {
  readonly #options: ModulesOptions;
  readonly #compiled: OwnedCache<Digest, LoadedModule>;
  readonly #loading = new Map<Digest, Promise<LoadedModule>>();
  /** Published before the optimiser's trial was over; with the time of the next attempt. */
  readonly #open = new Map<Digest, number>();
  readonly #optimising = new OwnerQueue({
    runningMax: 1,
    queuedMax: optimisesWaitingMax,
    nowMs: () => performance.now(),
  });

  constructor(options: ModulesOptions) {
    this.#options = options;
    const { compiledBytesMax } = options;
    // One module larger than the limit is held alone: it would be compiled anew for each thread.
    const sizeOf = ({ codeBytes }: LoadedModule) =>
      Math.min(compiledBytesMax, Math.max(1, codeBytes * compiledBytesPerCodeByte));
    this.#compiled = new OwnedCache({
      max: compiledBytesMax,
      sizeOf,
      dispose: (_, digest) => this.#open.delete(digest),
    });
  }

  /** Bytes the modules held now are taken to cost. */
  get compiledBytes(): number {
    return this.#compiled.size;
  }

  /**
   * Compiles a new artifact, in a trial first.
   *
   * @throws TerrafirmaError: 'module-refused' when it is too dear to compile, 'module-quarantined',
   *   'internal' or 'overloaded' when no trial can be had
   */
  async admit(candidate: Candidate): Promise<LoadedModule> {
    const { digest } = candidate.artifact;
    this.#requireFree(digest);
    return this.#compiled.get(digest) ?? (await this.#prove(candidate));
  }

  /** Why a module may not run, whatever its trial said; undefined when it may. */
  refusalOf(digest: Digest): ErrorRecord | undefined {
    return this.#options.suspects.refusalOf(digest);
  }

  /**
   * The compiled module of a kept version, to be run: its probation begins.
   *
   * @throws TerrafirmaError: 'state' when its bytes are not in the store, 'module-refused' when
   *   they are not accepted any more, 'module-quarantined', and what `admit` throws
   */
  async load(digest: Digest): Promise<LoadedModule> {
    this.#requireFree(digest);
    const loaded = this.#compiled.get(digest) ?? (await this.#loadOnce(digest));
    this.#optimiseLater(digest);
    await this.#options.probation.begin(digest, this.#options.store.ownerOf(digest));
    return loaded;
  }

  #requireFree(digest: Digest): void {
    const refusal = this.refusalOf(digest);
    if (refusal !== undefined) throw fromErrorRecord(refusal);
  }

  async #loadOnce(digest: Digest): Promise<LoadedModule> {
    const running = this.#loading.get(digest);
    if (running !== undefined) return await running;
    const loading = this.#loadKept(digest).finally(() => this.#loading.delete(digest));
    this.#loading.set(digest, loading);
    return await loading;
  }

  async #loadKept(digest: Digest): Promise<LoadedModule> {
    return await this.#prove(await this.#buildKept(digest));
  }

  async #buildKept(digest: Digest): Promise<Candidate> {
    const { builder, store } = this.#options;
    const owner = store.ownerOf(digest);
    const verdict = await builder.build(() => store.readModule(digest), new Set(), owner);
    if (verdict.kind === 'refused') throw fromErrorRecord(verdict.error);
    if (verdict.kind === 'built')
      return { artifact: verdict.artifact, original: verdict.bytes, owner };
    throw new TerrafirmaError('internal', 'Cannot load the module: the builder did not build it');
  }

  /** Has the module tried, unless it was, and compiles it for the compilers that may have it. */
  async #prove(candidate: Candidate): Promise<LoadedModule> {
    const { trial, book } = this.#options;
    const { artifact } = candidate;
    const { digest, originalBytes: bytes } = artifact;
    if (bytes >= largeBytes) this.#options.journal.tell('module-compiling', { digest, bytes });
    const tried = await book.read(artifact);
    if (tried !== undefined) return await this.#compile(candidate, tried.tier);
    const isKnown = async () => (await book.read(artifact)) !== undefined;
    const verdict = await trial.admit(subjectOf(candidate), isKnown);
    if (verdict.kind === 'known') return await this.#prove(candidate);
    const loaded = await this.#compile(candidate, tierFor(verdict));
    await this.#keepVerdict(artifact, verdict);
    return loaded;
  }

  async #keepVerdict(artifact: Artifact, verdict: OptimiserVerdict): Promise<void> {
    const { book, journal } = this.#options;
    const { digest } = artifact;
    if (verdict.kind === 'open') {
      this.#open.set(digest, 0);
      return;
    }
    this.#open.delete(digest);
    const reason = verdict.kind === 'unbounded' ? verdict.reason : undefined;
    if (reason !== undefined) {
      journal.tell('module-slow', { digest, reason });
    }
    await book.write(artifact, { tier: tierFor(verdict), reason });
  }

  /** Goes on with a trial that its deploy did not wait for; one at a time, in turn by owner. */
  #optimiseLater(digest: Digest): void {
    const notBeforeMs = this.#open.get(digest);
    if (notBeforeMs === undefined || performance.now() < notBeforeMs) return;
    this.#open.set(digest, Number.POSITIVE_INFINITY);
    const owner = this.#options.store.ownerOf(digest);
    this.#optimising
      .pass(owner, () => this.#optimise(digest))
      .catch((error: unknown) => {
        if (error instanceof TerrafirmaError && error.code === 'draining') return;
        this.#open.set(digest, performance.now() + optimiseRetryMs);
        const reason = error instanceof TerrafirmaError ? error.message : describeError(error);
        this.#options.journal.tell('optimising-postponed', { digest, reason });
      });
  }

  async #optimise(digest: Digest): Promise<void> {
    const { trial, probation, journal, onReplaced } = this.#options;
    const candidate = await this.#buildKept(digest);
    const verdict = await trial.optimise(subjectOf(candidate));
    if (verdict.kind === 'bounded') await this.#compile(candidate, 'optimised');
    await this.#keepVerdict(candidate.artifact, verdict);
    if (verdict.kind !== 'bounded') return;
    journal.tell('module-optimised', { digest });
    probation.renew(digest);
    onReplaced?.(digest);
  }

  async #compile({ artifact, owner }: Candidate, tier: CompilerTier): Promise<LoadedModule> {
    const { digest, cores, abi, entry } = artifact;
    const forms = formsOf(cores);
    const modules = await this.#options.builder.compile(forms, tier, owner);
    const codeBytes = forms.reduce((sum, { length }) => sum + length, 0);
    const program = programFrom(artifact, modules);
    const loaded = { digest, program, abi, entry, codeBytes };
    this.#compiled.add(owner, digest, loaded);
    return loaded;
  }
}

function subjectOf({ artifact, original, owner }: Candidate) {
  const { cores, importedFunctionCount } = artifact;
  const forms = formsOf(cores);
  // Offsets and indexes are those of one module: of several they would say nothing.
  if (importedFunctionCount === undefined) return { forms, owner };
  return { forms, source: { bytes: original, importedFunctionCount }, owner };
}

function tierFor(verdict: OptimiserVerdict): CompilerTier {
  return verdict.kind === 'bounded' ? 'optimised' : 'baseline';
}
