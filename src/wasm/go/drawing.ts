/**
 * Which of a Go program's functions draw random numbers, of which a program whose start is done
 * once would have the same in each request.
 *
 * Go's runtime asks the host once, and draws everything from that: seeds of maps, which are
 * nobody's business, but also what `math/rand` gives. That is done by one function, `runtime.rand`,
 * and some that call it. So calls of those are watched that stand in other packages than the
 * runtime's own.
 */
import type { WatchedCalls } from '../meter/contract.ts';
import { findCallers, isReferredTo } from './callers.ts';
import type { GoText } from './text.ts';

const runtimeDrawing =
  /^runtime\.(?:rand(?:32|n)?|cheaprand(?:64|n)?|bootstrapRand|maps_rand|\w{0,9}fastrand\w{0,9})$/;
const mapsDrawing = 'internal/runtime/maps.rand';
/** Where each draw of the runtime's own generator ends, sooner or later. */
const generatorName = /^internal\/chacha8rand\.\(\*State\)\.(?:Next|Refill|Reseed)$/;
/** Calls of each are looked for in all of the code: Mallory may name all her functions so. */
const generatorsMax = 3;
/** They seed maps, and choose at random what is right either way. */
const ownPackages: ReadonlySet<string> = new Set([
  'runtime',
  'internal/runtime/maps',
  'internal/chacha8rand',
  'internal/concurrent',
  'internal/godebug',
  'internal/sync',
  'sync',
  'unique',
]);
/** Besides, a generator of its own has what the program gives it. */
const generatorUsers =
  /^(?:runtime\.(?:rand|randinit|bootstrapRand(?:Reseed)?)|math\/rand\/v2\..*)$/;

/** Undefined where it cannot be told who draws. */
export function findDrawing({ bytes, shape, image, names }: GoText): WatchedCalls | undefined {
  const { importedFunctionCount } = shape;
  const callees = new Set<number>();
  const generators = new Set<number>();
  const exempt = new Set<number>();
  let isDrawing = false;
  for (const [body, name] of names) {
    const index = importedFunctionCount + body;
    if (runtimeDrawing.test(name) || name === mapsDrawing) callees.add(index);
    if (name === 'runtime.rand') isDrawing = true;
    if (generatorName.test(name)) generators.add(index);
    if (ownPackages.has(packageOf(name))) exempt.add(index);
  }
  if (!isDrawing || generators.size === 0 || generators.size > generatorsMax) return undefined;
  if (isReferredTo(image, [...callees, ...generators], importedFunctionCount)) return undefined;
  const isAllowed = (body: number): boolean => {
    const name = names.get(body) ?? '';
    return generatorUsers.test(name) || packageOf(name) === 'internal/chacha8rand';
  };
  for (const body of findCallers(bytes, shape, generators)) if (!isAllowed(body)) return undefined;
  return { callees, exempt };
}

/** `net/http` of `net/http.(*Client).Do`. */
function packageOf(name: string): string {
  const plain = name.replace(/[[(].*$/s, '');
  const dot = plain.indexOf('.', plain.lastIndexOf('/') + 1);
  return dot < 0 ? plain : plain.slice(0, dot);
}
