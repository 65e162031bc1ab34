/**
 * Calls JavaScript cannot make: v128 passes only between modules. The calls of one module's part
 * of a script become exports of a second module, which leaves the results in its memory, bit for
 * bit.
 */
import { type FuncType, inspectModule, type ValueType } from '../../../src/wasm/inspect.ts';
import type { ListNode } from './wast.ts';
import { suiteLimits } from './world.ts';

/** A call of the script: where it stands, and the text of its arguments. */
export interface VectorCall {
  readonly at: number;
  readonly field: string;
  readonly args: string;
}

const resultBytes = 16;

/** The actions among `commands` whose functions take or give v128, up to the next module. */
export function findVectorCalls(
  text: string,
  commands: readonly ListNode[],
  bytes: Uint8Array,
): VectorCall[] {
  const vectorFields = new Set(vectorExports(bytes).keys());
  const calls: VectorCall[] = [];
  for (const command of commands) {
    const action = findAction(command);
    const field = action?.items[1];
    if (action === undefined || field?.kind !== 'string' || !vectorFields.has(field.text)) continue;
    calls.push({
      at: action.start,
      field: field.text,
      args: text.slice(field.end, action.end - 1),
    });
  }
  return calls;
}

function findAction(command: ListNode): ListNode | undefined {
  const nodes = [command, command.items[1]];
  return nodes.find((node): node is ListNode => {
    const head = node?.kind === 'list' ? node.items[0] : undefined;
    return head?.kind === 'word' && head.text === 'invoke';
  });
}

function vectorExports(bytes: Uint8Array): Map<string, FuncType> {
  const found = new Map<string, FuncType>();
  for (const { name, type } of inspectModule(bytes, suiteLimits).exports) {
    if (type === undefined) continue;
    const values = [...type.params, ...type.results];
    const isPlain = values.every((value) => ['i32', 'i64', 'f32', 'f64', 'v128'].includes(value));
    if (isPlain && values.includes('v128')) found.set(name, type);
  }
  return found;
}

/** Text of the calling module; call i is its export `i`. */
export function writeCaller(bytes: Uint8Array, calls: readonly VectorCall[]): string {
  const exports = [...vectorExports(bytes)];
  const imports = exports.map(([name, type], i) => {
    const params = type.params.map((param) => `(param ${param})`).join('');
    const results = type.results.map((result) => `(result ${result})`).join('');
    const escaped = [...new TextEncoder().encode(name)]
      .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
      .join('');
    return `(import "m" "${escaped}" (func $f${i} ${params} ${results}))`;
  });
  const functions = calls.map(({ field, args }, i) => {
    const index = exports.findIndex(([name]) => name === field);
    const results = exports[index]?.[1].results ?? [];
    return writeCall({ index: i, target: `$f${index}`, args, results });
  });
  return `(module ${imports.join('\n')} (memory (export "out") 1) ${functions.join('\n')})`;
}

function writeCall(call: {
  readonly index: number;
  readonly target: string;
  readonly args: string;
  readonly results: readonly ValueType[];
}): string {
  const { index, target, args, results } = call;
  const locals = results.map((result, i) => `(local $r${i} ${result})`).join(' ');
  const sets = results.map((_, i) => `(local.set $r${i})`).toReversed();
  const stores = results.map(
    (result, i) => `(${result}.store (i32.const ${i * resultBytes}) (local.get $r${i}))`,
  );
  const code = [args, `(call ${target})`, ...sets, ...stores].join(' ');
  return `(func (export "${index}") ${locals} ${code})`;
}

/** Runs call `index` of a caller and answers its results as text. */
export function callVector(caller: WebAssembly.Instance, index: number): string {
  const { out } = caller.exports;
  const entry = caller.exports[String(index)];
  if (!(out instanceof WebAssembly.Memory) || typeof entry !== 'function') return '';
  const bytes = new Uint8Array(out.buffer, 0, 8 * resultBytes);
  bytes.fill(0);
  entry();
  return Buffer.from(bytes).toString('hex');
}
