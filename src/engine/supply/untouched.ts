/** What the memories of a new instance hold, where none of its code has run. */
import type { LoadedModule } from '../../threads/messages.ts';
import type { FilledBytes } from '../../wasm/meter/contract.ts';
import { type GuestInstance, initializeExport } from '../instance.ts';

/**
 * Of each memory, what may be other than zero behind the start of a program that has none to run;
 * undefined where it has, or where that is not known.
 */
export function filledBytesOf(
  instance: Pick<GuestInstance, 'coreOf'>,
  { program }: Pick<LoadedModule, 'program'>,
): readonly FilledBytes[] | undefined {
  const [core, ...others] = program.cores;
  const isAlone = others.length === 0 && program.component === undefined;
  const starts = program.initialise ?? core?.engine.metered.names.start;
  if (!isAlone || starts !== undefined) return undefined;
  if (instance.coreOf(0)?.exportedFunction(initializeExport) !== undefined) return undefined;
  const filled = program.memories.flatMap((plan) => plan.filled ?? []);
  return filled.length === program.memories.length ? filled : undefined;
}
