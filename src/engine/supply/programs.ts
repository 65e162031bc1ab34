/** The programs that a thread remembers, by what decides how their guests begin. */
import { LRUCache } from 'lru-cache';
import type { Abi } from '../../abi/abi.ts';
import type { EarlyAsker } from '../../abi/early.ts';
import { Counts } from '../../account/counts.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import type { LoadedModule } from '../../threads/messages.ts';
import { ProgramHost } from './program-host.ts';
import type { ProgramParts } from './program-parts.ts';
import type { ProgramVariant } from './program-variant.ts';

export interface ProgramsOptions {
  readonly limits: Pick<Limits, 'compiledBytesMax'>;
  readonly abis: ReadonlyMap<string, Abi>;
  readonly parts: ProgramParts;
  readonly onForgotten: (program: ProgramHost) => void;
}

const programsMax = 4_096;
const toldNothing = { kind: '' };

interface Known {
  readonly program: ProgramHost;
  /** Who asked for it first, where several owners have the same. */
  readonly owner: OwnerKey;
  /** A program holds its compiled modules; one that is too large is held alone. */
  readonly bytes: number;
}

/**
 * Shared by owner, as in `OwnedCache`: who has the most gives up what it has used the longest ago.
 * An owner may have a hundred programs of one module, each with a limit or an environment of its
 * own. But here all are looked up in each request, and few are ever added.
 */
export class Programs {
  readonly #options: ProgramsOptions;
  /** By what modules have in common that are twins, else by their digests. */
  readonly #known: LRUCache<string, Known>;
  readonly #bytesOf = new Counts<OwnerKey>();

  constructor(options: ProgramsOptions) {
    this.#options = options;
    this.#known = new LRUCache({
      max: programsMax,
      dispose: ({ bytes, owner, program }) => {
        this.#bytesOf.add(owner, -bytes);
        options.onForgotten(program);
      },
    });
  }

  /**
   * @param owner What a program was initialised to may hold random numbers, which nobody else who
   *   has the same program should know: each owner has one of her own then.
   * @param memoryBytes Of a run that may have less than all: what its start function is refused
   *   stays in the first state of its guests, so they are of a program of their own.
   * @param kind See `ProgramVariant`.
   */
  of(
    loaded: LoadedModule,
    owner: OwnerKey,
    memoryBytes = Number.POSITIVE_INFINITY,
    { kind }: Pick<ProgramVariant, 'kind'> = toldNothing,
  ): ProgramHost {
    const { abis, parts } = this.#options;
    const { initialise, early } = loaded.program;
    // Of most programs that is all, and a text whose hash is known: at every run.
    let key = keyOf(loaded);
    // Names of folders have spaces: an owner must not be read as another with one of her kinds.
    if (memoryBytes < parts.memoryBytesMax) key += `\0memory ${memoryBytes}`;
    if (initialise !== undefined || early !== undefined) key += `\0owner ${owner}`;
    if (kind !== '') key += kind === undefined ? '\0starts in runs' : `\0kind ${kind}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known.program;
    const abi = abis.get(loaded.abi);
    if (abi === undefined) {
      const detail = `Cannot run the module: unknown ABI: received ${loaded.abi}`;
      throw new TerrafirmaError('internal', detail);
    }
    const program = new ProgramHost(loaded, abi, parts, { kind, owner, memoryBytes });
    this.#add(owner, key, program);
    return program;
  }

  /** The one of `program`'s variants whose start is told what `asker` has. */
  suiting(program: ProgramHost, asker: EarlyAsker): ProgramHost {
    const { abi, loaded, variant } = program;
    if (variant.owner === undefined) return program;
    const kind = abi.early?.kindOf(asker);
    if (kind === variant.kind) return program;
    return this.of(loaded, variant.owner, variant.memoryBytes, { kind });
  }

  /** From now on runs are of this compilation, if it is faster; those under way end with theirs. */
  renew(loaded: LoadedModule): void {
    const wanted = keyOf(loaded);
    for (const [key, { owner, program }] of [...this.#known.entries()]) {
      const { loaded: known } = program;
      if (keyOf(known) !== wanted || !brings(loaded, known)) continue;
      this.#known.delete(key);
      // One that forgot its rooms would have an instance made at each site's next run.
      this.#add(owner, key, program.renewed(loaded));
    }
  }

  /** The module's programs go that are not in use; of twins, those that this one brought. */
  forget({ digest }: LoadedModule, isInUse: (program: ProgramHost) => boolean): void {
    for (const [key, { program }] of [...this.#known.entries()]) {
      if (program.loaded.digest === digest && !isInUse(program)) this.#known.delete(key);
    }
  }

  clear(): void {
    this.#known.clear();
  }

  #add(owner: OwnerKey, key: string, program: ProgramHost): void {
    const { compiledBytesMax } = this.#options.limits;
    const bytes = Math.min(Math.max(1, program.loaded.codeBytes), compiledBytesMax);
    while (this.#bytesOf.total + bytes > compiledBytesMax || this.#known.size >= programsMax) {
      const next = this.#nextToGo();
      if (next === undefined) break;
      this.#known.delete(next);
    }
    this.#known.set(key, { program, owner, bytes });
    this.#bytesOf.add(owner, bytes);
  }

  /** The one that its owner, who has the most, has used the longest ago. */
  #nextToGo(): string | undefined {
    let most = 0;
    for (const [, bytes] of this.#bytesOf) most = Math.max(most, bytes);
    for (const key of this.#known.rkeys()) {
      const owner = this.#known.peek(key)?.owner;
      if (owner !== undefined && this.#bytesOf.of(owner) === most) return key;
    }
    return undefined;
  }
}

/**
 * Whether there is something to gain, by the optimiser or a second form: three times in the life of
 * a program at most. Else all twins would lose their idle guests whenever somebody has his own
 * compiled anew, and one whose trial was given up would make the others slow.
 */
function brings(loaded: LoadedModule, known: LoadedModule): boolean {
  return speedOf(loaded) > speedOf(known);
}

function speedOf({ isOptimised, program }: LoadedModule): number {
  const hasCards = program.cores.some(({ cardsModule }) => cardsModule !== undefined);
  return (isOptimised ? 2 : 0) + (hasCards ? 1 : 0);
}

function keyOf({ digest, twinKey }: LoadedModule): string {
  return twinKey ?? digest;
}
