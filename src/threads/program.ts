/**
 * What runs, as it crosses to the serving threads: compiled cores, how they link, and what
 * `deploy/` tells `engine/` about the rewriting. Plain data: it is structured-cloned.
 */
import type { ComponentPlan } from '../wasm/component/plan.ts';
import type { GoToldPlaces, Link, MemoryPlan, MeteredModule } from '../wasm/meter/contract.ts';

/** One metered form of a module, without its bytes; see the contract. */
export type FormFacts = Omit<MeteredModule, 'bytes'>;

/** Reserved export names and facts of the rewriting, read only by the engine. */
export interface EngineFacts {
  /** How to run the form without cards. */
  readonly metered: FormFacts;
  /** How to run the one that marks what it writes. */
  readonly cards?: FormFacts | undefined;
}

/** One core module, compiled. */
export interface ProgramCore {
  readonly module: WebAssembly.Module;
  /** The same module in the form that marks what it writes: all cores have it, or none. */
  readonly cardsModule?: WebAssembly.Module | undefined;
  readonly engine: EngineFacts;
  /** Imports that are exports of cores before; all others are hostcalls. */
  readonly links: readonly Link[];
  /** For each of its memories the number among those of the program. */
  readonly memories: readonly number[];
}

/** Cores in the order of their instantiation. */
export interface Program {
  readonly cores: readonly ProgramCore[];
  /** The core with the entry: its memory and its exports are what an ABI sees. */
  readonly mainCore: number;
  /** Each memory once. */
  readonly memories: readonly MemoryPlan[];
  /** The export of the main core that is called once, before any request. */
  readonly initialise?: string | undefined;
  /** Where its start can be done once, before any request. */
  readonly early?: EarlyFacts | undefined;
  /** Where the cores are those of a component: what crosses between them and the host. */
  readonly component?: ComponentPlan | undefined;
}

export interface EarlyFacts {
  /** For each import, by `placeKey`, where the table has the function that calls it. */
  readonly places: ReadonlyMap<string, number>;
  /** Where the program keeps its arguments and environment, where that is known. */
  readonly told: EarlyToldFacts | undefined;
}

export interface EarlyToldFacts extends GoToldPlaces {
  /** By how much the place of a function is more than its index. */
  readonly placesFrom: number;
}

/** By which `EarlyFacts` knows an import. */
export function placeKey({ module, name }: Pick<Link, 'module' | 'name'>): string {
  return JSON.stringify([module, name]);
}

/** What is compiled of a module that runs alone. */
export type LoneCore = Pick<ProgramCore, 'module' | 'cardsModule' | 'engine'>;

/** A module that runs alone. */
export function programOfOne(core: LoneCore, initialise?: string): Program {
  const { memories } = core.engine.metered;
  const own = { ...core, links: [], memories: memories.map((_, index) => index) };
  return { cores: [own], mainCore: 0, memories, initialise };
}
