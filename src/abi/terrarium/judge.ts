/**
 * Whether a module is a Terrarium guest, and whether it may run. Decided from its outside, at
 * deploy: what would fail in front of a visitor is refused in front of the owner, everything at
 * fault named at once.
 */
import { quoteReceived } from '../../names/quote.ts';
import type { AbiVerdict, ExternKind, FunctionFace, ModuleFace } from '../abi.ts';
import { faceOf } from '../hostcall.ts';
import { describeType, refuseModule } from '../verdict.ts';
import { importModule, terrariumTable } from './table.ts';

const hostcallPrefix = 'hostcall_';
const entry = 'run';
/** What AssemblyScript makes of the old Terrarium library's file `http_guest.ts`. */
const oldLibraryModule = 'http_guest';

/** Imports of AssemblyScript's own library, such as for `Math.random()`, and what to call. */
const ownInstead: ReadonlyMap<string, string> = new Map([
  ['seed', 'call hostcall_rng_next_u64 instead of Math.random()'],
  ['Date.now', 'call hostcall_time_now instead'],
  ['performance.now', 'call hostcall_time_now instead'],
  ['trace', 'call hostcall_debug instead'],
]);

const nothing: FunctionFace = { params: [], results: [] };
/** Exports that the host calls when they are there. */
const exportTypes: ReadonlyMap<string, FunctionFace> = new Map([
  [entry, nothing],
  ['default_malloc_impl', { params: ['i32'], results: ['i32'] }],
  ['default_free_impl', { params: ['i32'], results: [] }],
]);

type Import = ModuleFace['imports'][number];
type Export = ModuleFace['exports'][number];

export function judgeTerrarium(face: ModuleFace): AbiVerdict {
  if (face.imports.some(({ module }) => module === oldLibraryModule)) {
    return refuseModule([
      'the AssemblyScript library of the original Terrarium (imports from `http_guest`) passes ' +
        'objects whose layout depends on the compiler; import the hostcalls from `env`, as the ' +
        'AssemblyScript page of the documentation shows',
    ]);
  }
  if (!isTerrarium(face)) return { kind: 'other' };
  const faults = [...face.imports.flatMap(judgeImport), ...judgeExports(face.exports)];
  return faults.length === 0 ? { kind: 'speaks', entry: entry } : refuseModule(faults);
}

/**
 * Its imports say so. Without any of ours the entry does, which WASI reactors may call the same:
 * those import from WASI, or want to be initialized.
 */
function isTerrarium({ imports, exports }: ModuleFace): boolean {
  if (imports.some(isHostcall)) return true;
  const exportsName = (wanted: string): boolean => exports.some(({ name }) => name === wanted);
  if (!exportsName(entry) || exportsName('_start') || exportsName('_initialize')) return false;
  return !imports.some(({ module }) => module.startsWith('wasi_'));
}

export function isHostcall({ module, name }: Import): boolean {
  return module === importModule && name.startsWith(hostcallPrefix);
}

function judgeImport({ module, name, kind, type }: Import): readonly string[] {
  const known = terrariumTable.get(module)?.get(name);
  const label = `import ${quoteReceived(module)} ${quoteReceived(name)}`;
  if (known === undefined) return [`unknown ${label} (${kind})${adviceFor(module, name)}`];
  return judgeFunction(label, faceOf(known), { kind, type });
}

function adviceFor(module: string, name: string): string {
  if (module !== importModule) return '';
  const advice = name.startsWith('console.') ? 'call hostcall_debug instead' : ownInstead.get(name);
  return advice === undefined ? '' : `, ${advice}`;
}

function judgeExports(exports: readonly Export[]): readonly string[] {
  const faults: string[] = [];
  for (const [name, expected] of exportTypes) {
    const found = exports.find((candidate) => candidate.name === name);
    if (found !== undefined) faults.push(...judgeFunction(`export \`${name}\``, expected, found));
    else if (name === entry) faults.push('no export `run`: expected a function () -> ()');
  }
  return faults;
}

function judgeFunction(
  label: string,
  expected: FunctionFace,
  received: { readonly kind: ExternKind; readonly type?: FunctionFace | undefined },
): readonly string[] {
  const expectation = `expected a function ${describeType(expected)}`;
  if (received.kind !== 'function') {
    return [`${label}: ${expectation}: received a ${received.kind}`];
  }
  if (received.type === undefined) return [];
  const receivedType = describeType(received.type);
  if (receivedType === describeType(expected)) return [];
  return [`${label}: ${expectation}: received ${receivedType}`];
}
