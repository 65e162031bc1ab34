/** An artifact whose forms are compiled → what the threads run. */
import { TerrafirmaError } from '../../errors.ts';
import type { Program } from '../../threads/program.ts';
import type { Artifact } from './artifact.ts';

/**
 * `modules` are the compiled forms, in the order of `formsOf`.
 *
 * @throws TerrafirmaError `internal` where one is missing
 */
export function programFrom(
  { cores, mainCore, memories, initialise, early, component }: Artifact,
  modules: readonly WebAssembly.Module[],
): Program {
  let next = 0;
  const take = (): WebAssembly.Module => {
    const module = modules[next];
    if (module === undefined) throw new TerrafirmaError('internal', 'Cannot load the module');
    next += 1;
    return module;
  };
  const made = cores.map(({ cardsCode, engine, links, memories: numbers }) => ({
    module: take(),
    cardsModule: cardsCode === undefined ? undefined : take(),
    engine,
    links,
    memories: numbers,
  }));
  return { cores: made, mainCore, memories, initialise, early, component };
}
