/**
 * Whether a module is a program for Fastly Compute, and whether it may run. Decided from its
 * outside, at deploy: everything at fault is named at once.
 */
import { quoteReceived } from '../../names/quote.ts';
import type { AbiVerdict, FunctionFace, ModuleFace } from '../abi.ts';
import { faceOf } from '../hostcall.ts';
import { describeType, refuseModule } from '../verdict.ts';
import type { WasiBeside } from '../wasi-side.ts';
import { fastlyTable, legacyModule, legacyPrefix } from './table.ts';

const entry = '_start';
const modulePrefix = 'fastly_';

type Import = ModuleFace['imports'][number];

export function judgeFastly(face: ModuleFace, wasi: WasiBeside): AbiVerdict {
  if (!face.imports.some(isFastly)) return { kind: 'other' };
  const faults = [...face.imports.flatMap((each) => judgeImport(each, wasi)), ...judgeEntry(face)];
  return faults.length === 0 ? { kind: 'speaks', entry } : refuseModule(faults);
}

export function isFastly({ module, name }: Pick<Import, 'module' | 'name'>): boolean {
  return (
    module.startsWith(modulePrefix) || (module === legacyModule && name.startsWith(legacyPrefix))
  );
}

/** One that is newer than this daemon is linked all the same, as all of the vendor's kits do. */
function judgeImport(wanted: Import, wasi: WasiBeside): readonly string[] {
  const { module, name, kind, type } = wanted;
  const ofWasi = wasi.judgeImport(wanted);
  if (ofWasi !== undefined) return ofWasi;
  const label = `import ${quoteReceived(module)} ${quoteReceived(name)}`;
  if (!isFastly(wanted)) return [`unknown ${label} (${kind})`];
  const declared = fastlyTable.get(module)?.get(name);
  const expected = declared === undefined ? undefined : describeType(faceOf(declared));
  const rule =
    expected === undefined
      ? `unknown ${label}: a function that is newer than what is known gives an i32`
      : `${label}: expected a function ${expected}`;
  if (kind !== 'function') return [`${rule}: received a ${kind}`];
  if (type === undefined) return [];
  const isRight = expected === undefined ? givesStatus(type) : describeType(type) === expected;
  return isRight ? [] : [`${rule}: received ${describeType(type)}`];
}

function givesStatus({ results }: FunctionFace): boolean {
  return results.length === 1 && results[0] === 'i32';
}

function judgeEntry({ exports }: ModuleFace): readonly string[] {
  const rule = `export \`${entry}\`: expected a function () -> ()`;
  const found = exports.find(({ name }) => name === entry);
  if (found === undefined) return [`no ${rule}`];
  if (found.kind !== 'function') return [`${rule}: received a ${found.kind}`];
  if (found.type === undefined) return [];
  const received = describeType(found.type);
  return received === '() -> ()' ? [] : [`${rule}: received ${received}`];
}
