/**
 * Instances of one program that hold the state it was initialised to. Initialising may take as long
 * as a thousand runs, so it is done once, and further instances are copies. Runs that come while it
 * is done wait for it; all are of one owner (see `Programs.of`). The state is forgotten with the
 * last instance that has it.
 */
import type { Program } from '../../threads/program.ts';
import { moverBytes } from '../../wasm/meter/mover.ts';
import type { GuestInstance } from '../instance.ts';
import type { Wanting } from './making.ts';

export class FirstInstances {
  readonly #living = new Set<GuestInstance>();
  /** For each core; undefined where the state cannot be copied. */
  readonly #types: readonly (readonly number[])[] | undefined;
  #movers: readonly WebAssembly.Module[] | undefined;
  #underWay: Promise<void> | undefined;

  /** `canCopy`: whether instances can be brought to a state at all. */
  constructor({ cores }: Program, { canCopy }: { readonly canCopy: boolean }) {
    this.#types = canCopy ? typesOf(cores) : undefined;
  }

  /** One to copy; undefined where there is none, or no copy can be made. */
  get source(): GuestInstance | undefined {
    const [first] = this.#living;
    return this.#types === undefined ? undefined : first;
  }

  /** For each core a module that copies its globals. */
  get movers(): readonly WebAssembly.Module[] {
    this.#movers ??= (this.#types ?? []).map((types) => new WebAssembly.Module(moverBytes(types)));
    return this.#movers;
  }

  /**
   * Until there is a source, or nobody initialises any more, well or not.
   *
   * @throws the trap where the run is over
   */
  async waitFor(run: Pick<Wanting, 'suspend'>): Promise<void> {
    while (this.#types !== undefined && this.source === undefined) {
      if (this.#underWay === undefined) return;
      await run.suspend(this.#underWay);
    }
  }

  /** A run initialises; to be called when that has ended, well or not. */
  begin(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#underWay = promise;
    return () => {
      if (this.#underWay === promise) this.#underWay = undefined;
      resolve();
    };
  }

  add(instance: GuestInstance): void {
    this.#living.add(instance);
  }

  /** The instance is gone. */
  delete(instance: GuestInstance): void {
    this.#living.delete(instance);
  }
}

/** Both forms of a core must have the same globals: an instance of one is copied to the other. */
function typesOf(cores: Program['cores']): readonly (readonly number[])[] | undefined {
  const all: (readonly number[])[] = [];
  for (const { engine } of cores) {
    const types = engine.metered.names.state?.map(({ type }) => type);
    const marked = engine.cards?.names.state?.map(({ type }) => type);
    if (types === undefined) return undefined;
    if (engine.cards !== undefined && String(types) !== String(marked)) return undefined;
    all.push(types);
  }
  return all;
}
