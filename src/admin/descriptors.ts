/** How many files and connections the process has open. Touches /proc; Linux alone says. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Descriptors {
  readonly open: number;
  /** Undefined where there is no limit. */
  readonly max: number | undefined;
}

/** Undefined where the system does not say. */
export function readDescriptors(): Descriptors | undefined {
  try {
    const open = readdirSync('/proc/self/fd').length;
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const max = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
    return { open, max: Number.isFinite(max) ? max : undefined };
  } catch {
    return undefined;
  }
}
