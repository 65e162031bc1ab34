/**
 * Servers on one processor and load generators on another, where there are two and `taskset`: else
 * they take each other's time, and ratios tell of the scheduler. Touches other processes.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export const isPinned =
  availableParallelism() > 1 && spawnSync('taskset', ['--version']).error === undefined;

const processors = { server: '0', generator: '1' };

/** The command that runs `command` where it belongs. */
export function placed(
  role: keyof typeof processors,
  command: readonly string[],
): readonly [program: string, ...args: string[]] {
  const whole = isPinned ? ['taskset', '-c', processors[role], ...command] : command;
  const [program = '', ...args] = whole;
  return [program, ...args];
}
