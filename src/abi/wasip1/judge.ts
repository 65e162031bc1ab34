/**
 * Whether a module is a WASI preview1 program, and whether it may run. Decided from its outside, at
 * deploy: everything at fault is named at once.
 *
 * A command exports `_start`, and nothing else of it is called. A reactor exports `_initialize`,
 * which the engine calls before it takes an instance's first state, and an entry: `handle`, or
 * `_handle`, or `run`.
 */
import { quoteReceived } from '../../names/quote.ts';
import type { AbiVerdict, ModuleFace } from '../abi.ts';
import { faceOf } from '../hostcall.ts';
import { describeType, refuseModule } from '../verdict.ts';
import { reallocName } from './guest.ts';
import { http, preview1, unstable, wasip1Table } from './table.ts';

export const commandEntry = '_start';
const initializerName = '_initialize';
const reactorEntries = ['handle', '_handle', 'run'] as const;

type Import = ModuleFace['imports'][number];
type Export = ModuleFace['exports'][number];

export function judgeWasip1(face: ModuleFace): AbiVerdict {
  const isImporting = face.imports.some(isWasi);
  const start = findExport(face, commandEntry);
  const initializer = findExport(face, initializerName);
  if (!isImporting && start === undefined && initializer === undefined) return { kind: 'other' };
  const faults = [...face.imports.flatMap(judgeImport), ...judgeAllocator(face)];
  if (start !== undefined) {
    faults.push(...judgeEntry(start, 'nothing'));
    return faults.length === 0 ? { kind: 'speaks', entry: commandEntry } : refuseModule(faults);
  }
  const entry = reactorEntries.map((name) => findExport(face, name)).find((found) => found);
  if (initializer !== undefined) faults.push(...judgeEntry(initializer, 'nothing'));
  if (entry === undefined) {
    faults.push(
      `no entry: expected an export \`${commandEntry}\`, or with \`${initializerName}\` one of ` +
        reactorEntries.map((name) => `\`${name}\``).join(', '),
    );
    return refuseModule(faults);
  }
  faults.push(...judgeEntry(entry, 'anything'));
  return faults.length === 0 ? { kind: 'speaks', entry: entry.name } : refuseModule(faults);
}

/** Who sends requests must have room for their answers. */
function judgeAllocator(face: ModuleFace): readonly string[] {
  if (!face.imports.some(({ module }) => module === http)) return [];
  const rule = `export \`${reallocName}\`: expected a function (i32 i32 i32 i32) -> (i32)`;
  const found = findExport(face, reallocName);
  if (found === undefined) return [`no ${rule}`];
  if (found.kind !== 'function') return [`${rule}: received a ${found.kind}`];
  if (found.type === undefined) return [];
  const received = describeType(found.type);
  return received === '(i32 i32 i32 i32) -> (i32)' ? [] : [`${rule}: received ${received}`];
}

export function isWasi({ module }: Pick<Import, 'module'>): boolean {
  return module === preview1 || module === unstable;
}

function findExport({ exports }: ModuleFace, wanted: string): Export | undefined {
  return exports.find(({ name }) => name === wanted);
}

function judgeEntry(entry: Export, results: 'nothing' | 'anything'): readonly string[] {
  const label = `export ${quoteReceived(entry.name)}`;
  const expectation = results === 'nothing' ? 'a function () -> ()' : 'a function of no parameters';
  const rule = `${label}: expected ${expectation}`;
  if (entry.kind !== 'function') return [`${rule}: received a ${entry.kind}`];
  if (entry.type === undefined) return [];
  const isTooMuch = results === 'nothing' && entry.type.results.length > 0;
  if (entry.type.params.length === 0 && !isTooMuch) return [];
  return [`${rule}: received ${describeType(entry.type)}`];
}

export function judgeImport({ module, name, kind, type }: Import): readonly string[] {
  const label = `import ${quoteReceived(module)} ${quoteReceived(name)}`;
  const declared = wasip1Table.get(module)?.get(name);
  if (declared === undefined) return [`unknown ${label} (${kind})`];
  const expected = faceOf(declared);
  const rule = `${label}: expected a function ${describeType(expected)}`;
  if (kind !== 'function') return [`${rule}: received a ${kind}`];
  if (type === undefined || describeType(type) === describeType(expected)) return [];
  return [`${rule}: received ${describeType(type)}`];
}
