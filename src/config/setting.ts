/** What one row of the table of settings is. */
import type { ValueKind } from './kinds.ts';

/** What defaults depend on; the caller reads it once. */
export interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  readonly workingDirectory: string;
  /** Cores that this process may use. */
  readonly parallelism: number;
  /** Memory that this process may have: the machine's, or what its control group allows. */
  readonly memoryBytes: number;
}

/** A variable that other programs have agreed on; ours of the same setting wins. */
export interface CommonVariable<T> {
  readonly name: string;
  readonly parse: (text: string) => T;
}

export interface Setting<T> {
  /** As in the file; `.` separates the table from the key. */
  readonly name: string;
  readonly summary: string;
  readonly kind: ValueKind<T>;
  readonly fallback: (machine: Machine) => NoInfer<T>;
  /** The default in words where it differs from machine to machine or is empty. */
  readonly fallbackWords?: string;
  /** Without the dashes. */
  readonly flag?: string;
  readonly commonVariable?: CommonVariable<NoInfer<T>>;
}

/** Lets the compiler see that the kind, the default and the common variable agree. */
export function define<T>(setting: Setting<T>): Setting<T> {
  return setting;
}
