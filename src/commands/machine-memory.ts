/**
 * How much memory this process may have: the machine's, or less where a control group says so.
 * Touches the files of Linux that tell.
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';

/** Where the two generations of control groups keep their limits. */
const limitFiles = {
  first: { directory: 'sys/fs/cgroup/memory', file: 'memory.limit_in_bytes' },
  second: { directory: 'sys/fs/cgroup', file: 'memory.max' },
} as const;

/** Bytes; at most the machine's. `root` is where the file system begins, for tests. */
export function machineMemoryBytes(root = '/', machineBytes = totalmem()): number {
  const groups = readText(path.join(root, 'proc/self/cgroup')) ?? '';
  const limits = groups.split('\n').flatMap((line) => limitsOf(root, line));
  return Math.min(machineBytes, ...limits);
}

/**
 * Limits of one line of `/proc/self/cgroup`, `number:controllers:path`; a group is bound by those
 * above it too. In a container the path may be the host's, and then only the top can be read.
 */
function limitsOf(root: string, line: string): readonly number[] {
  const [, controllers = '', ...rest] = line.split(':');
  const generation =
    controllers === '' ? 'second' : controllers.split(',').includes('memory') ? 'first' : undefined;
  if (generation === undefined) return [];
  const { directory, file } = limitFiles[generation];
  const limits: number[] = [];
  for (let group = path.posix.resolve('/', rest.join(':')); ; group = path.posix.dirname(group)) {
    const text = readText(path.join(root, directory, group, file))?.trim() ?? '';
    if (/^[0-9]+$/.test(text)) limits.push(Number(text));
    if (group === '/') return limits;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Not Linux, no control groups, or none of that generation: then there is no such limit.
    return undefined;
  }
}
