/** The ABIs we serve, and which of them a module's outside asks for. */
import type { Limits } from '../config/config.ts';
import { quoteReceived } from '../names/quote.ts';
import type { Abi, ModuleFace } from './abi.ts';
import { createTerrariumAbi } from './terrarium.ts';
import { createWasip1Abi } from './wasip1.ts';

export type ModuleVerdict =
  /** `abi` is the name of one of `Catalogue.abis`. */
  | { readonly kind: 'speaks'; readonly abi: string; readonly entry: string }
  /** `reason` may be shown: it reads "Cannot run the module: …". */
  | { readonly kind: 'refused'; readonly reason: string };

export interface Catalogue {
  /** By name, as `LoadedModule.abi` has it. */
  readonly abis: ReadonlyMap<string, Abi>;
  judgeModule(face: ModuleFace): ModuleVerdict;
}

const NAMES_LISTED_MAX = 10;

export function createCatalogue(limits: Limits): Catalogue {
  const abis = new Map(
    [createTerrariumAbi(limits), createWasip1Abi(limits)].map((abi) => [abi.name, abi]),
  );
  return { abis, judgeModule: (face) => judgeModule(face, abis) };
}

function judgeModule(face: ModuleFace, abis: ReadonlyMap<string, Abi>): ModuleVerdict {
  for (const abi of abis.values()) {
    const verdict = abi.judge(face);
    if (verdict.kind === 'speaks') return { kind: 'speaks', abi: abi.name, entry: verdict.entry };
    if (verdict.kind === 'refused') return verdict;
  }
  return { kind: 'refused', reason: explainUnknown(face) };
}

/** Nobody's module: says what it looks like and what would be right. */
function explainUnknown({ imports, exports }: ModuleFace): string {
  const wasiModule = imports.find(({ module }) => module.startsWith('wasi_'))?.module;
  if (wasiModule !== undefined) {
    return `Cannot run the module: WASI of another version: received ${quoteReceived(wasiModule)}`;
  }
  const names = exports.slice(0, NAMES_LISTED_MAX).map(({ name }) => quoteReceived(name));
  if (exports.length > NAMES_LISTED_MAX) names.push('…');
  return (
    'Cannot run the module: no known ABI: expected an export `run` and imports `env.hostcall_*`: ' +
    `received exports ${names.length === 0 ? 'none' : names.join(', ')}`
  );
}
