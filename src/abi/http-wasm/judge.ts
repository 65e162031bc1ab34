/**
 * Whether a module is a handler of http-wasm, and whether it may run. Decided from its outside, at
 * deploy: everything at fault is named at once.
 */
import { quoteReceived } from '../../names/quote.ts';
import type { AbiVerdict, FunctionFace, ModuleFace } from '../abi.ts';
import { faceOf } from '../hostcall.ts';
import { describeType, refuseModule } from '../verdict.ts';
import type { WasiBeside } from '../wasi-side.ts';
import { handlerModule, handlerTable } from './table.ts';

export const requestEntry = 'handle_request';
export const responseEntry = 'handle_response';

const entries: readonly (readonly [string, FunctionFace])[] = [
  [requestEntry, { params: [], results: ['i64'] }],
  [responseEntry, { params: ['i32', 'i32'], results: [] }],
];

type Import = ModuleFace['imports'][number];
type Export = ModuleFace['exports'][number];

/** Its imports say so; or both entries do, in a module that asks for nothing. */
export function judgeHandler(face: ModuleFace, wasi: WasiBeside): AbiVerdict {
  const isAsking = face.imports.some(({ module }) => module === handlerModule);
  const isOffering = entries.every(([name]) => findExport(face, name) !== undefined);
  if (!isAsking && !isOffering) return { kind: 'other' };
  const faults = [
    ...face.imports.flatMap((each) => judgeImport(each, wasi)),
    ...entries.flatMap(([name, type]) => judgeEntry(findExport(face, name), name, type)),
  ];
  return faults.length === 0 ? { kind: 'speaks', entry: requestEntry } : refuseModule(faults);
}

function findExport({ exports }: ModuleFace, wanted: string): Export | undefined {
  return exports.find(({ name }) => name === wanted);
}

function judgeImport(wanted: Import, wasi: WasiBeside): readonly string[] {
  const { module, name, kind, type } = wanted;
  const ofWasi = wasi.judgeImport(wanted);
  if (ofWasi !== undefined) return ofWasi;
  const label = `import ${quoteReceived(module)} ${quoteReceived(name)}`;
  const declared = handlerTable.get(module)?.get(name);
  if (declared === undefined) return [`unknown ${label} (${kind})`];
  const expected = describeType(faceOf(declared));
  const rule = `${label}: expected a function ${expected}`;
  if (kind !== 'function') return [`${rule}: received a ${kind}`];
  if (type === undefined || describeType(type) === expected) return [];
  return [`${rule}: received ${describeType(type)}`];
}

function judgeEntry(
  found: Export | undefined,
  name: string,
  expected: FunctionFace,
): readonly string[] {
  const rule = `export \`${name}\`: expected a function ${describeType(expected)}`;
  if (found === undefined) return [`no ${rule}`];
  if (found.kind !== 'function') return [`${rule}: received a ${found.kind}`];
  if (found.type === undefined || describeType(found.type) === describeType(expected)) return [];
  return [`${rule}: received ${describeType(found.type)}`];
}
