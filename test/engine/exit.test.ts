import { describe, expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { Engine } from './world.ts';

/** Counts its runs in memory and in a global, answers the count and exits with \`code\`. */
function counter(code: number): Promise<Uint8Array> {
  return assemble(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (global $runs (mut i32) (i32.const 0))
    (data (i32.const 1024) "Content-Type: text/plain\\n\\n00")
    (func (export "_start")
      (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
      (i32.store8 (i32.const 1050) (i32.add (i32.load8_u (i32.const 1050)) (i32.const 1)))
      (i32.store8 (i32.const 1051) (i32.add (i32.const 48) (global.get $runs)))
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 28))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (call $exit (i32.const ${code}))
      unreachable))`);
}

describe('a guest that ends itself', () => {
  test.each(['cards', 'copy'] as const)('is restored by %s after exit code 0', async (mode) => {
    using engine = new Engine({ restoreMode: mode });
    const loaded = engine.load(await counter(0));
    for (const _ of [1, 2, 3]) {
      const { report, text } = await engine.run(loaded);
      expect(text).toBe('11');
      expect(report.outcome).toBe('replied');
      expect(engine.pool.idleBytes).toBeGreaterThan(0);
    }
  });

  test('is given up after any other exit code', async () => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(await counter(3)));
    expect(report.outcome).toBe('exited');
    expect(report.error?.code).toBe('guest-exited');
    expect(engine.pool.idleBytes).toBe(0);
  });
});
