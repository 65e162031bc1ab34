/** The guards of one thread, one a mount whoever asks: what a mount may hold is bounded. */
import type { Config } from '../../config/config.ts';
import type { OwnerKey } from '../../names.ts';
import { GuardedFs } from './guarded-fs.ts';
import { MountGuard, type MountGuardLimits, threadsPerOperation } from './mount-guard.ts';
import { MountTable } from './mount-table.ts';

/** libuv's own bound of its pool, which all threads of the process share. */
export const poolThreadsMax = 1_024;
/** For what no mount can hold: the state directory, compiling, password checks. */
export const spareThreads = 16;

type PoolConfig = Pick<Config, 'mounts' | 'threads'> & { readonly limits: MountGuardLimits };

/** Threads of the pool that each guard may hold when its mount hangs. */
export function threadsPerGuard(config: PoolConfig): number {
  const { fileOperationsPerMountMax } = config.limits;
  const share = Math.floor((poolThreadsMax - spareThreads) / guardCount(config));
  const wanted = fileOperationsPerMountMax * threadsPerOperation;
  return Math.max(1, Math.min(wanted, share));
}

/** The control plane and each serving thread have one for each mount; folder mode is one mount. */
export function guardCount(config: Pick<Config, 'mounts' | 'threads'>): number {
  return Math.max(1, config.mounts.length) * (1 + config.threads);
}

export class MountGuards {
  readonly #limits: MountGuardLimits;
  readonly #threadsMax: number | undefined;
  readonly #mountTable = new MountTable();
  readonly #guards = new Map<string, MountGuard>();

  /** `threadsMax`: see `threadsPerGuard`; commands that do one thing need no bound. */
  constructor(limits: MountGuardLimits, threadsMax?: number) {
    this.#limits = limits;
    this.#threadsMax = threadsMax;
  }

  /** The mount's file system as one owner may use it. `mountDirectory` as configured. */
  fsOf(mountDirectory: string, owner: OwnerKey): GuardedFs {
    let guard = this.#guards.get(mountDirectory);
    if (guard === undefined) {
      const bound = this.#threadsMax === undefined ? {} : { threadsMax: this.#threadsMax };
      guard = new MountGuard({ limits: this.#limits, mountTable: this.#mountTable, ...bound });
      this.#guards.set(mountDirectory, guard);
    }
    return new GuardedFs(guard, owner);
  }
}
