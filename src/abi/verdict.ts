/** Sentences of a verdict on a module, whatever ABI it speaks. Pure. */
import type { AbiVerdict, FunctionFace } from './abi.ts';

/** A module may have a thousand wrong imports; the reason must fit into a log line and a page. */
const faultsNamedMax = 100;

/** Refuses a module for all that is at fault with it, one phrase each. */
export function refuseModule(faults: readonly string[]): AbiVerdict {
  const named = faults.slice(0, faultsNamedMax);
  const unnamedCount = faults.length - named.length;
  if (unnamedCount > 0) named.push(`and ${unnamedCount} more`);
  return { kind: 'refused', reason: `Cannot run the module: ${named.join('; ')}` };
}

/** `(i32 i32) -> (i64)` */
export function describeType({ params, results }: FunctionFace): string {
  return `(${params.join(' ')}) -> (${results.join(' ')})`;
}
