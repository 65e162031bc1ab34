/** Constants of a script as JavaScript values, and outcomes in a form that can be compared. */
import { headOf, type ListNode, wordAt } from './wast.ts';

/** Objects that stand for `ref.extern n` and `ref.host n`: one each, the same in both worlds. */
export class HostReferences {
  readonly #objects = new Map<string, object>();

  of(key: string): object {
    const known = this.#objects.get(key);
    if (known !== undefined) return known;
    const created = { key };
    this.#objects.set(key, created);
    return created;
  }
}

const view = new DataView(new ArrayBuffer(8));

function readInteger(text: string): bigint {
  const clean = text.replaceAll('_', '').replace(/^\+/, '');
  return clean.startsWith('-') ? -BigInt(clean.slice(1)) : BigInt(clean);
}

function readHexFloat(text: string): number {
  const match = /^0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?\d+))?$/i.exec(text);
  const [, whole = '', fraction = '', exponent = '0'] = match ?? [];
  const digits = BigInt(`0x${whole}${fraction || ''}` === '0x' ? '0x0' : `0x${whole}${fraction}`);
  const scale = Number(exponent) - 4 * fraction.length;
  // Two steps, so that subnormal results are rounded once.
  return Number(digits) * 2 ** Math.trunc(scale / 2) * 2 ** (scale - Math.trunc(scale / 2));
}

function readFloat(text: string, is32: boolean): number {
  const clean = text.replaceAll('_', '');
  const isNegative = clean.startsWith('-');
  const magnitude = clean.replace(/^[+-]/, '');
  if (magnitude.startsWith('nan')) return Number.NaN;
  let value: number;
  if (magnitude === 'inf') value = Number.POSITIVE_INFINITY;
  else if (magnitude.startsWith('0x')) value = readHexFloat(magnitude);
  else value = Number(magnitude);
  if (is32) value = Math.fround(value);
  return isNegative ? -value : value;
}

/** The JavaScript value of a constant; undefined where none can stand for it. */
export function readConstant(
  node: ListNode,
  hosts: HostReferences,
): { value: unknown } | undefined {
  const text = wordAt(node, 1) ?? '';
  switch (headOf(node)) {
    case 'i32.const':
      return { value: Number(BigInt.asIntN(32, readInteger(text))) };
    case 'i64.const':
      return { value: BigInt.asIntN(64, readInteger(text)) };
    case 'f32.const':
      return { value: readFloat(text, true) };
    case 'f64.const':
      return { value: readFloat(text, false) };
    case 'ref.null':
      return { value: null };
    case 'ref.extern':
      return { value: hosts.of(`extern ${text}`) };
    case 'ref.host':
      return { value: hosts.of(`host ${text}`) };
    default:
      return undefined;
  }
}

function describeValue(value: unknown): string {
  if (typeof value === 'number') {
    view.setFloat64(0, value);
    return `number ${view.getBigUint64(0).toString(16)}`;
  }
  if (typeof value === 'bigint') return `bigint ${value}`;
  if (typeof value === 'function') return 'function';
  if (Array.isArray(value)) return `[${value.map(describeValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return 'key' in value ? `host ${String(value.key)}` : 'reference';
  }
  return String(value);
}

/** What a call did, as text: its values, or how it failed. */
export function describeOutcome(run: () => unknown): string {
  try {
    return `values ${describeValue(run())}`;
  } catch (error) {
    if (error instanceof WebAssembly.Exception) return 'exception';
    if (error instanceof RangeError) return 'stack exhausted';
    if (error instanceof WebAssembly.RuntimeError) return describeTrap(error.message);
    if (error instanceof WebAssembly.LinkError) return 'link error';
    if (error instanceof TypeError) return `type error ${error.message}`;
    throw error;
  }
}

/** A dropped segment refuses as if out of bounds, where the meter says unreachable. */
function describeTrap(message: string): string {
  const isBounds = /out of bounds|unreachable|allocation|too large/.test(message);
  return isBounds ? 'trap: bounds or unreachable' : `trap: ${message}`;
}
