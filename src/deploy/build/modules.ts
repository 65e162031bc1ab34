/**
 * Compiled modules of the control plane: within a bound of bytes that owners share, equal compiles
 * joined. What falls out is only forgotten: threads that hold the module keep it, and who asks
 * again gets it compiled anew from the kept bytes. Nothing is compiled here that a trial has not
 * compiled before.
 *
 * A module is served as soon as it may be: by the baseline compiler, and a large one in one form.
 * What makes it fast comes behind, once somebody has asked for it; see improvements.ts.
 */
import { OwnedCache } from '../../account/owned-cache.ts';
import { type ErrorRecord, fromErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest, LoadedModule } from '../../threads/messages.ts';
import type { Probation } from '../keep/probation.ts';
import type { Suspects } from '../keep/quarantine.ts';
import type { ModuleStore } from '../keep/store.ts';
import { type Artifact, formsOf, type WantedForms } from './artifact.ts';
import type { Builder } from './builder.ts';
import { Improvements } from './improvements.ts';
import { programFrom } from './program.ts';
import { noVerdict, Progress } from './progress.ts';
import type { OptimiserVerdict, Trial } from './trial.ts';
import type { TrialBook, TriedModule } from './trial-book.ts';

/**
 * Memory a compiled module is taken to cost, as a multiple of the code of both its forms: V8 keeps
 * the code itself, and 2.6 to 2.9 times as much machine code of the baseline compiler.
 */
export const compiledBytesPerCodeByte = 4;
/**
 * So much code each form counts beside its own: V8 keeps 16 to 26 KiB for the smallest, and
 * thousands of them were as good as nothing.
 */
export const formCodeBytes = 6 * 1024;

export interface ModulesOptions {
  readonly store: Pick<ModuleStore, 'ownerOf' | 'readModule' | 'sizeOf'>;
  readonly builder: Builder;
  readonly trial: Pick<Trial, 'admit' | 'optimise'>;
  readonly book: Pick<TrialBook, 'read' | 'write'>;
  readonly suspects: Pick<Suspects, 'refusalOf'>;
  readonly probation: Pick<Probation, 'begin' | 'foresee' | 'renew'>;
  readonly journal: Journal;
  readonly compiledBytesMax: number;
  /** Who asks for a module is told after so long how far it is; left out: waits. */
  readonly waitMs?: number;
  /** A person wants to know what the optimiser says, as far as its patience goes. */
  readonly waitsForOptimiser?: boolean;
  /** The module was compiled anew, to run faster: threads that have it want the new one. */
  readonly onReplaced?: (digest: Digest) => void;
}

/** An artifact with the bytes it was made of, and for whom. */
export interface Candidate {
  readonly artifact: Artifact;
  readonly original: Uint8Array;
  readonly owner: OwnerKey;
  /** Told how far it is. */
  readonly progress?: Progress | undefined;
}

/** A kept version that is made ready. */
interface Loading {
  readonly loaded: Promise<LoadedModule>;
  readonly progress: Progress;
}

/** Of a module whose compiling a person who waits for it is told of. */
const largeBytes = 4 * 1024 * 1024;
/** Passed by the baseline compiler. */
const passed: TriedModule = { tier: 'baseline', isOpen: true };

export class Modules {
  readonly #options: ModulesOptions;
  readonly #compiled: OwnedCache<Digest, LoadedModule>;
  readonly #loading = new Map<Digest, Loading>();
  readonly #improvements: Improvements;

  constructor(options: ModulesOptions) {
    this.#options = options;
    const { compiledBytesMax } = options;
    // One module larger than the limit is held alone: it would be compiled anew for each thread.
    const sizeOf = ({ codeBytes }: LoadedModule) =>
      Math.min(compiledBytesMax, Math.max(1, codeBytes * compiledBytesPerCodeByte));
    this.#compiled = new OwnedCache({
      max: compiledBytesMax,
      sizeOf,
      dispose: (_, digest) => this.#improvements.forget(digest),
    });
    this.#improvements = new Improvements({
      improve: (digest) => this.#improve(digest),
      ownerOf: (digest) => options.store.ownerOf(digest),
      journal: options.journal,
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
    const known = this.#compiled.get(digest);
    return known ?? (await this.#improvements.giveWayTo(this.#prove(candidate)));
  }

  /** Why a module may not run, whatever its trial said; undefined when it may. */
  refusalOf(digest: Digest): ErrorRecord | undefined {
    return this.#options.suspects.refusalOf(digest);
  }

  /**
   * The compiled module of a kept version, to be run: its probation begins.
   *
   * @throws TerrafirmaError: 'state' when its bytes are not in the store, 'module-refused' when
   *   they are not accepted any more, 'module-quarantined', 'no-verdict' after `waitMs`, and what
   *   `admit` throws
   */
  async load(digest: Digest): Promise<LoadedModule> {
    this.#requireFree(digest);
    const { probation, store } = this.#options;
    const loaded = this.#compiled.get(digest) ?? (await this.#inTime(this.#loadOnce(digest)));
    this.#improvements.begin(digest);
    await probation.begin(digest, store.ownerOf(digest));
    return loaded;
  }

  /** A kept version may soon be asked for: it is compiled now. Never fails: who asks is told. */
  prepare(digest: Digest): void {
    if (this.refusalOf(digest) !== undefined || this.#compiled.get(digest) !== undefined) return;
    void this.#options.probation.foresee(digest);
    this.#loadOnce(digest).loaded.catch(() => undefined);
  }

  /** No site serves it any more: whoever asks again gets it compiled anew. */
  forget(digest: Digest): void {
    this.#compiled.delete(digest);
  }

  #requireFree(digest: Digest): void {
    const refusal = this.refusalOf(digest);
    if (refusal !== undefined) throw fromErrorRecord(refusal);
  }

  #loadOnce(digest: Digest): Loading {
    const running = this.#loading.get(digest);
    if (running !== undefined) return running;
    const progress = new Progress(this.#options.store.sizeOf(digest) ?? 0);
    const kept = this.#improvements.giveWayTo(this.#loadKept(digest, progress));
    const loading = { loaded: kept.finally(() => this.#loading.delete(digest)), progress };
    this.#loading.set(digest, loading);
    return loading;
  }

  /** What takes longer goes on, for whoever asks again. */
  async #inTime({ loaded, progress }: Loading): Promise<LoadedModule> {
    const { waitMs } = this.#options;
    if (waitMs === undefined) return await loaded;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(noVerdict(`${progress}`)), waitMs);
    return await Promise.race([loaded, late]).finally(() => clearTimeout(timer));
  }

  async #loadKept(digest: Digest, progress: Progress): Promise<LoadedModule> {
    const recalled = await this.#recall(digest, progress);
    if (recalled !== undefined) return recalled;
    progress.enter('rewritten');
    const candidate = await this.#buildKept(digest, 'first');
    return await this.#prove({ ...candidate, progress });
  }

  /** Of what was made of it before, and tried; undefined: it takes the module itself. */
  async #recall(digest: Digest, progress: Progress): Promise<LoadedModule | undefined> {
    const { builder, store, book } = this.#options;
    const owner = store.ownerOf(digest);
    const bytes = store.sizeOf(digest);
    if (bytes === undefined) return undefined;
    const artifact = await builder.recall(digest, bytes, { owner, forms: 'first' });
    const known = artifact && (await book.read(artifact));
    if (artifact === undefined || known === undefined) return undefined;
    this.#tellLarge(artifact);
    return await this.#compile({ artifact, owner, progress }, known, { isLast: true });
  }

  async #buildKept(digest: Digest, forms: WantedForms): Promise<Candidate> {
    const { builder, store } = this.#options;
    const owner = store.ownerOf(digest);
    const verdict = await builder.build(() => store.readModule(digest), { owner, forms });
    if (verdict.kind === 'refused') throw fromErrorRecord(verdict.error);
    if (verdict.kind === 'built')
      return { artifact: verdict.artifact, original: verdict.bytes, owner };
    throw new TerrafirmaError('internal', 'Cannot load the module: the builder did not build it');
  }

  /** Has the module tried, unless it was, and compiles it for the compilers that may have it. */
  async #prove(candidate: Candidate): Promise<LoadedModule> {
    const { trial, book } = this.#options;
    const { artifact } = candidate;
    this.#tellLarge(artifact);
    const known = await book.read(artifact);
    if (known !== undefined) return await this.#compile(candidate, known, { isLast: true });
    const isKnown = async () => (await book.read(artifact)) !== undefined;
    candidate.progress?.enter('tried');
    const verdict = await trial.admit(subjectOf(candidate), isKnown);
    if (verdict.kind === 'known') return await this.#prove(candidate);
    const tried = await this.#tryOptimiserNow(candidate);
    const [loaded] = await Promise.all([
      this.#compile(candidate, tried, { isLast: true }),
      this.#note(artifact, tried),
    ]);
    return loaded;
  }

  #tellLarge({ digest, originalBytes: bytes }: Artifact): void {
    if (bytes < largeBytes) return;
    this.#options.journal.tell('module-compiling', { digest, bytes });
  }

  async #tryOptimiserNow(candidate: Candidate): Promise<TriedModule> {
    const { trial, waitsForOptimiser } = this.#options;
    if (waitsForOptimiser !== true) return passed;
    return triedBy(await trial.optimise(subjectOf(candidate), { isPatient: false }));
  }

  async #note(artifact: Artifact, tried: TriedModule): Promise<void> {
    const { book, journal } = this.#options;
    const { digest } = artifact;
    const { reason } = tried;
    if (reason !== undefined) journal.tell('module-slow', { digest, reason });
    await book.write(artifact, tried);
  }

  /** What the module's deploy did not wait for: all its forms, and the optimiser's trial. */
  async #improve(digest: Digest): Promise<void> {
    const [candidate, known] = await this.#proveWhole(digest);
    const verdict = known.isOpen === true ? await this.#tryOptimiser(candidate) : known;
    const served = this.#compiled.get(digest);
    const isFaster = verdict.tier === 'optimised' || served === undefined;
    if (isFaster || lacksForms(served, candidate)) await this.#replace(candidate, verdict);
    if (verdict !== known) await this.#note(candidate.artifact, verdict);
    if (verdict.tier === 'optimised') this.#options.journal.tell('module-optimised', { digest });
  }

  /** However long it takes; meanwhile all forms are served. */
  async #tryOptimiser(candidate: Candidate): Promise<TriedModule> {
    const served = this.#compiled.get(candidate.artifact.digest);
    if (served !== undefined && lacksForms(served, candidate)) {
      await this.#replace(candidate, passed);
    }
    return triedBy(await this.#options.trial.optimise(subjectOf(candidate)));
  }

  /** All forms, if the baseline compiler may have them all; else those that are served. */
  async #proveWhole(digest: Digest): Promise<readonly [Candidate, TriedModule]> {
    const { trial, book } = this.#options;
    const whole = await this.#buildKept(digest, 'all');
    const known = await book.read(whole.artifact);
    if (known !== undefined) return [whole, known];
    try {
      await trial.admit(subjectOf(whole));
    } catch (error) {
      if (!(error instanceof TerrafirmaError) || error.code !== 'module-refused') throw error;
      const served = await this.#buildKept(digest, 'first');
      const tried = await book.read(served.artifact);
      if (tried === undefined) throw error;
      return [served, tried];
    }
    await this.#note(whole.artifact, passed);
    return [whole, passed];
  }

  /** Threads that have the module get this one instead, which is new to the process. */
  async #replace(candidate: Candidate, tried: TriedModule): Promise<void> {
    const { probation, onReplaced } = this.#options;
    const { digest } = candidate.artifact;
    await this.#compile(candidate, tried);
    probation.renew(digest);
    onReplaced?.(digest);
  }

  async #compile(
    { artifact, owner, progress }: Pick<Candidate, 'artifact' | 'owner' | 'progress'>,
    tried: TriedModule,
    { isLast = false } = {},
  ): Promise<LoadedModule> {
    const { digest, cores, abi, entry, twinKey } = artifact;
    const forms = formsOf(cores);
    const codeBytes = forms.reduce((sum, { length }) => sum + length + formCodeBytes, 0);
    progress?.enter('compiled');
    const modules = await this.#options.builder.compile(forms, tried.tier, { owner, isLast });
    const program = programFrom(artifact, modules);
    const isOptimised = tried.tier === 'optimised';
    const loaded = { digest, program, abi, entry, codeBytes, isOptimised, twinKey };
    this.#compiled.add(owner, digest, loaded);
    if (tried.isOpen === true || artifact.lacksCards) this.#improvements.note(digest);
    return loaded;
  }
}

function lacksForms({ program }: LoadedModule, { artifact }: Candidate): boolean {
  const hasCards = program.cores.some(({ cardsModule }) => cardsModule !== undefined);
  return artifact.cores.some(({ cardsCode }) => cardsCode !== undefined) && !hasCards;
}

function subjectOf({ artifact, original, owner }: Candidate) {
  const { cores, importedFunctionCount } = artifact;
  const forms = formsOf(cores);
  // Offsets and indexes are those of one module: of several they would say nothing.
  if (importedFunctionCount === undefined) return { forms, owner };
  return { forms, source: { bytes: original, importedFunctionCount }, owner };
}

function triedBy(verdict: OptimiserVerdict): TriedModule {
  if (verdict.kind === 'open') return passed;
  if (verdict.kind === 'bounded') return { tier: 'optimised' };
  return { tier: 'baseline', reason: verdict.reason };
}
