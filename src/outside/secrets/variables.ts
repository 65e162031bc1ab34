/** Secrets in the environment of the daemon: those that the operator lets folders have. */
import type { ReadVariable } from '../../site/fastly/resolve.ts';

/** @param names The operator's list. */
export function grantedVariables(
  names: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ReadVariable {
  const granted = new Set(names);
  return (name) => {
    if (!granted.has(name)) return 'closed';
    const value = environment[name];
    return value === undefined ? 'absent' : { value };
  };
}
