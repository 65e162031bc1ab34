/** The ABIs we serve, and which of them a module's outside asks for. */
import type { Limits } from '../config/config.ts';
import { quoteReceived } from '../names/quote.ts';
import type { ComponentPlan } from '../wasm/component/plan.ts';
import type { Abi, ModuleFace } from './abi.ts';
import { createComponentAbis } from './component.ts';
import { isFastly } from './fastly/judge.ts';
import { createFastlyAbi } from './fastly.ts';
import { explainForeign, listFace } from './foreign.ts';
import { createHttpWasmAbi } from './http-wasm.ts';
import { isHostcall } from './terrarium/judge.ts';
import { createTerrariumAbi } from './terrarium.ts';
import { type TraceOptions, traceAbi } from './trace/trace.ts';
import { createWasiBeside } from './wasip1/beside.ts';
import { isWasi } from './wasip1/judge.ts';
import { createWasip1Abi } from './wasip1.ts';

export type ModuleVerdict =
  /** `abi` is the name of one of `Catalogue.abis`. */
  | {
      readonly kind: 'speaks';
      readonly abi: string;
      readonly entry: string;
      /** Whether its start may be done before any request, where that can be. */
      readonly startsEarly?: boolean;
    }
  /** `reason` may be shown: it reads "Cannot run the module: …". */
  | { readonly kind: 'refused'; readonly reason: string };

export interface Catalogue {
  /** By name, as `LoadedModule.abi` has it. */
  readonly abis: ReadonlyMap<string, Abi>;
  judgeModule(face: ModuleFace): ModuleVerdict;
  judgeComponent(plan: ComponentPlan): ModuleVerdict;
}

/** @param trace Left out: hostcalls are not told. */
export function createCatalogue(limits: Limits, trace?: TraceOptions): Catalogue {
  const known = [
    createTerrariumAbi(limits),
    // These import from WASI, too, so that they come first.
    createFastlyAbi(limits, createWasiBeside(limits)),
    createHttpWasmAbi(limits, createWasiBeside(limits)),
    createWasip1Abi(limits),
    ...createComponentAbis(limits),
  ];
  const chosen = trace === undefined ? known : known.map((abi) => traceAbi(abi, trace));
  const abis = new Map(chosen.map((abi) => [abi.name, abi]));
  return {
    abis,
    judgeModule: (face) => judgeModule(face, abis),
    judgeComponent: (plan) => judgeComponent(plan, abis),
  };
}

/** The first export that is served counts, in the order of the ABIs. */
function judgeComponent(plan: ComponentPlan, abis: ReadonlyMap<string, Abi>): ModuleVerdict {
  for (const abi of abis.values()) {
    const verdict = abi.judgeComponent?.(plan) ?? { kind: 'other' };
    if (verdict.kind === 'speaks') return { kind: 'speaks', abi: abi.name, entry: verdict.entry };
    if (verdict.kind === 'refused') return verdict;
  }
  const exported = [...new Set(plan.exports.map((each) => quoteReceived(each.interface)))];
  return {
    kind: 'refused',
    reason:
      'Cannot run the component: it answers no requests: one that does exports ' +
      '`wasi:http/handler@0.3.0`, `wasi:http/incoming-handler@0.2` or `wasi:cli/run` of either, ' +
      'or is composed with one that does (`wac plug`): ' +
      `received ${exported.slice(0, exportsNamedMax).join(', ') || 'no exported functions'}`,
  };
}

const exportsNamedMax = 10;

function judgeModule(face: ModuleFace, abis: ReadonlyMap<string, Abi>): ModuleVerdict {
  const foreign = explainForeign(face) ?? explainMixed(face);
  if (foreign !== undefined) return { kind: 'refused', reason: foreign };
  for (const abi of abis.values()) {
    const verdict = abi.judge(face);
    if (verdict.kind === 'speaks') {
      const startsEarly = abi.early !== undefined;
      return { kind: 'speaks', abi: abi.name, entry: verdict.entry, startsEarly };
    }
    if (verdict.kind === 'refused') return verdict;
  }
  return { kind: 'refused', reason: explainUnknown(face) };
}

/** A module speaks one ABI: each has its own way to be called and to answer. */
function explainMixed(face: ModuleFace): string | undefined {
  const hostcall = face.imports.find(isHostcall);
  const fastly = face.imports.find(isFastly);
  const foreign = fastly ?? face.imports.find(isWasi);
  if (hostcall === undefined || foreign === undefined) return undefined;
  const what = fastly === undefined ? 'WASI' : 'those of Fastly Compute';
  const [one, other] = [hostcall, foreign].map(({ module, name }) =>
    quoteReceived(`${module}.${name}`),
  );
  return (
    `Cannot run the module: it cannot mix the hostcalls of Terrarium with ${what}: build it ` +
    `without the one or the other: received imports ${one} and ${other}`
  );
}

/** Nobody's module: says what would be right, and what it looks like. */
function explainUnknown(face: ModuleFace): string {
  const other = face.imports.find(({ module }) => module.startsWith('wasi'));
  if (other !== undefined) {
    return (
      'Cannot run the module: WASI of another version: expected `wasi_snapshot_preview1` ' +
      `(target wasm32-wasip1): ${listFace(face)}`
    );
  }
  return (
    'Cannot run the module: no known ABI: expected a WASI preview1 program (an export `_start`), ' +
    `or a Terrarium guest (an export \`run\` and imports \`env.hostcall_*\`): ${listFace(face)}`
  );
}
