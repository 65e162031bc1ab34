/**
 * The size of libuv's thread pool, which all threads of the process share: it has four threads by
 * default, and a file operation on a mount that hangs holds one for as long as the network does.
 * Each mount's guards let only so many operations in; the pool must have room for all of them and
 * some to spare, or one dead mount would stop file access for everybody.
 */
import type { Config } from '../config/config.ts';

/** libuv's own bound. */
const POOL_THREADS_MAX = 1_024;
/** For what no mount can hold: the state directory, compiling, password checks. */
const SPARE_THREADS = 16;
/** The control plane guards a mount twice: where it locates folders and where it reads them. */
const CONTROL_GUARDS = 2;

/** Threads for the pool when every mount hangs at once. */
export function poolThreads(config: Pick<Config, 'mounts' | 'threads' | 'limits'>): number {
  const mounts = Math.max(1, config.mounts.length);
  const guards = CONTROL_GUARDS + config.threads;
  const held = mounts * guards * config.limits.fileOperationsPerMountMax;
  return Math.min(POOL_THREADS_MAX, held + SPARE_THREADS);
}

/**
 * Sizes the pool. Only before its first use: libuv reads the variable once. An operator's own
 * value stays.
 */
export function sizeThreadPool(config: Config): void {
  process.env.UV_THREADPOOL_SIZE ??= String(poolThreads(config));
}
