/**
 * What owners see of answers that were made for operators: no paths of the machine, and of visitors
 * only the network. Pure.
 */
import { isIPv6 } from 'node:net';

export interface Redaction {
  /** Directories of the machine, and what stands in their place: the folder's own name. */
  readonly directories: readonly (readonly [directory: string, name: string])[];
}

/** Keys that are the operator's alone. */
const hiddenKeys: ReadonlySet<string> = new Set(['directory', 'stateDirectory', 'configFile']);
const addressKey = 'clientAddress';

/** The same value without what is not for owners. */
export function redact(value: unknown, by: Redaction): unknown {
  if (typeof value === 'string') return withoutDirectories(value, by);
  if (Array.isArray(value)) return value.map((each) => redact(each, by));
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value)
    .filter(([key]) => !hiddenKeys.has(key))
    .map(([key, each]) => [
      key,
      key === addressKey && typeof each === 'string' ? networkOf(each) : redact(each, by),
    ]);
  return Object.fromEntries(pairs);
}

function withoutDirectories(text: string, { directories }: Redaction): string {
  return directories.reduce((rest, [directory, name]) => rest.replaceAll(directory, name), text);
}

/** The first 24 bits of an IPv4 address, the first 48 of an IPv6 address. */
export function networkOf(address: string): string {
  const [, mapped = address] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (!isIPv6(mapped)) return mapped.replace(/^(\d+\.\d+\.\d+)\.\d+$/, '$1.0/24');
  const [left = '', right = ''] = mapped.split('::');
  const head = left.split(':').filter((group) => group !== '');
  const tail = right.split(':').filter((group) => group !== '');
  const gap = mapped.includes('::') ? 8 - head.length - tail.length : 0;
  const groups = [...head, ...Array.from({ length: gap }, () => '0'), ...tail];
  return `${groups.slice(0, 3).join(':')}::/48`;
}
