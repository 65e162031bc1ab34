import { describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { answer, httpGuest } from '../support/component-guests.ts';
import { Engine } from './world.ts';

const modes: readonly RestoreMode[] = ['copy', 'cards', 'copy-on-write'];
const isThere = (mode: RestoreMode): boolean =>
  mode !== 'copy-on-write' || process.platform === 'linux';

const hello = httpGuest(`
  (data (i32.const 1024) "hello")
  ${answer}
  (func (export "handle") (param i32 i32)
    (call $answer (local.get 1) (i32.const 1024) (i32.const 5)))`);

/** Answers how often it was called, counted in memory, in a global and in a table. */
const counter = httpGuest(`
  (global $count (mut i32) (i32.const 0))
  ${answer}
  (func (export "handle") (param i32 i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1)))
    (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count)))
    (i32.store8 (i32.const 1025) (i32.add (i32.const 48) (i32.load (i32.const 2048))))
    (call $answer (local.get 1) (i32.const 1024) (i32.const 2)))`);

describe('a component', () => {
  test('answers a request', async () => {
    using engine = new Engine();
    const { text, reply, report } = await engine.run(engine.load(hello));
    expect(report.cause?.detail).toBeUndefined();
    expect([reply?.status, text]).toEqual([200, 'hello']);
  });

  test.each(modes.filter(isThere))('begins each request anew: %s', async (restoreMode) => {
    using engine = new Engine({ restoreMode });
    const loaded = engine.load(counter);
    for (let run = 0; run < 5; run += 1) {
      expect((await engine.run(loaded)).text).toBe('11');
    }
  });
});
