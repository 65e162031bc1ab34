/**
 * The export that a module wants to be called once, before any request: what Wizer calls at build
 * time (github.com/bytecodealliance/wizer).
 */
import { TerrafirmaError } from '../errors.ts';
import type { ModuleShape } from './shape.ts';

/** The name that Wizer looks for, and the one that tools use where a dot may not stand. */
const initialiserNames: readonly string[] = ['wizer.initialize', 'wizer-initialize'];

/**
 * Its name; undefined where the module has none.
 *
 * @throws TerrafirmaError `module-refused` where it is no function without parameters and results.
 */
export function findInitialiser({ exports }: ModuleShape): string | undefined {
  const found = exports.find(({ name }) => initialiserNames.includes(name));
  if (found === undefined) return undefined;
  const { name, kind, type } = found;
  if (type?.params.length === 0 && type.results.length === 0) return name;
  const received =
    type === undefined
      ? `a ${kind}`
      : `(${type.params.join(', ')}) -> (${type.results.join(', ')})`;
  const rule = `the export ${name} must be a function () -> ()`;
  throw new TerrafirmaError(
    'module-refused',
    `Cannot initialise the module: ${rule}: received ${received}`,
  );
}
