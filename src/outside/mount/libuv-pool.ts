/**
 * The size of libuv's thread pool, which all threads of the process share: it has four threads by
 * default, and a file operation on a mount that hangs holds one for as long as the network does.
 * Each mount's guards hold only so many; the pool must have room for all of them and some to spare,
 * or one dead mount would stop file access for everybody.
 */
import type { Config } from '../../config/config.ts';
import { guardCount, poolThreadsMax, spareThreads, threadsPerGuard } from './mount-guards.ts';

/** Threads for the pool when every mount hangs at once. */
export function poolThreads(config: Pick<Config, 'mounts' | 'threads' | 'limits'>): number {
  const held = guardCount(config) * threadsPerGuard(config);
  return Math.min(poolThreadsMax, held + spareThreads);
}

/**
 * Sizes the pool. Only before its first use: libuv reads the variable once. An operator's own
 * value stays.
 */
export function sizeThreadPool(config: Config): void {
  process.env.UV_THREADPOOL_SIZE ??= String(poolThreads(config));
}
