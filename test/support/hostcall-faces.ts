/** Tables of hostcalls as tests use them: import name → type. */
import type { FunctionFace } from '../../src/abi/abi.ts';
import { faceOf, type HostcallFacts } from '../../src/abi/hostcall.ts';
import { addedByCompilers, terrariumHostcalls } from '../../src/abi/terrarium/table.ts';
import { preview1Hostcalls } from '../../src/abi/wasip1/table.ts';

export function facesOf(
  hostcalls: ReadonlyMap<string, HostcallFacts>,
): ReadonlyMap<string, FunctionFace> {
  return new Map([...hostcalls].map(([name, facts]) => [name, faceOf(facts)]));
}

/** The 32 of Terrarium. */
export const hostcallTypes = facesOf(terrariumHostcalls);
/** The 46 of WASI preview1. */
export const functionTypes = facesOf(preview1Hostcalls);
/** What compilers add to those of Terrarium. */
export const compilerImportTypes = facesOf(addedByCompilers);
