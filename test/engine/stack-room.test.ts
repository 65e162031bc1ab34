/** What hostcalls have of the stack where a guest has used nearly all of it. */
import { describe, expect, test } from 'vitest';
import { World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { Engine } from './world.ts';

/** Frames of a function, some 15 KiB in all. */
const frames = 128;

function descend(left: number): number {
  return left === 0 ? 0 : 1 + descend(left - 1);
}

/** Whose clock takes much of the stack each time. */
class DeepWorld extends World {
  asked = 0;
  failed = 0;
  override readonly clock = {
    nowNs: (): bigint => {
      this.asked += 1;
      try {
        descend(frames);
      } catch {
        this.failed += 1;
      }
      return 1n;
    },
  };
}

/**
 * Asks for the time again and again, deeper each time where the last letter of its path is a d;
 * with `locals` more in each frame, and what else it does there.
 */
function deepGuest(locals: number, also = ''): Uint8Array<ArrayBuffer> {
  const each = (text: (at: number) => string): string =>
    Array.from({ length: locals }, (_, at) => text(at)).join(' ');
  return assemble(`(module
    (import "env" "hostcall_time_now" (func $now (param i32) (result i64)))
    (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1 900)
    (table $table 1 funcref)
    (data (i32.const 0x100) "whole")
    (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
    (func $down (param $more i32) (result i64) ${each((at) => `(local $l${at} i64)`)}
      ${each((at) => `(local.set $l${at} (i64.extend_i32_u (memory.size)))`)}
      (if (local.get $more) (then ${also}))
      (if (result i64) (local.get $more)
        (then (i64.add (call $now (i32.const 0)) (call $down (local.get $more))))
        (else (call $now (i32.const 0))))
      ${each((at) => `(i64.add (local.get $l${at}))`)})
    (func (export "run")
      (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
      (drop (call $down (i32.eq (i32.const 100) (i32.load8_u (i32.sub
        (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))) (i32.const 1))))))
      (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 5)))))`);
}

const growing = '(drop (memory.grow (i32.const 0)))';
const filling = '(drop (table.grow $table (ref.null func) (i32.const 1)))';

describe.each(['always', 'never'] as const)(
  'a guest that uses up its stack, attempts: %s',
  (attempts) => {
    test.each([
      ['small frames', deepGuest(0)],
      ['frames of a kibibyte', deepGuest(128)],
      ['memory that grows', deepGuest(0, growing)],
      ['tables that grow', deepGuest(0, filling)],
    ])('leaves its hostcalls enough: %s', async (_, guest) => {
      using engine = new Engine({ attempts });
      const loaded = engine.load(guest);
      const world = new DeepWorld();
      for (let run = 0; run < 4; run += 1) {
        expect((await engine.run(loaded, { world })).text).toBe('whole');
        const { report } = await engine.run(loaded, { world, target: '/d' });
        expect(report).toMatchObject({ outcome: 'trapped', error: { code: 'guest-trapped' } });
      }
      expect(world.asked).toBeGreaterThan(1_000);
      expect(world.failed).toBe(0);
      const { dropped } = engine.attemptsOf(loaded);
      expect(dropped > 0).toBe(attempts === 'always');
    });
  },
);
