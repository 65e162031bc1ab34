import { describe, expect, test } from 'vitest';
import type { Steps } from '../../src/abi/steps.ts';
import { FirstState } from '../../src/engine/restore/first-state.ts';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { answerOf, Engine } from './world.ts';

const modes: readonly RestoreMode[] =
  process.platform === 'linux' ? ['copy', 'cards', 'copy-on-write'] : ['copy', 'cards'];
const mib = 1024 * 1024;
const far = 2 * mib;

/** Answers with a text far behind its stack, and spoils that and all around it. */
function guestWith(fields: string): Uint8Array<ArrayBuffer> {
  return assemble(`(module
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 40 40)
    (data (i32.const ${far}) "first")
    ${fields}
    (func (export "run")
      (drop (call $set (i32.const 0) (i32.const ${far}) (i32.const 8)))
      (memory.fill (i32.const 0) (i32.const 0xee) (i32.const ${far + mib / 4}))))`);
}

function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

describe('the first state of a guest', () => {
  test('is looked at where something may be, and nowhere else', () => {
    const memory = new WebAssembly.Memory({ initial: 64 });
    const bytes = Buffer.from(memory.buffer);
    bytes.write('text', far);
    const filled = [{ from: far + 1, to: far + 4 }];
    const first = finish(FirstState.take([memory], undefined, { filled }));
    expect(first.byteLength).toBe(4_096);
    expect(first.images[0]?.start).toBe(far);
    const scanned = finish(FirstState.take([memory], undefined));
    expect(scanned.images[0]?.start).toBe(far);
    expect(scanned.images[0]?.bytes.equals(first.images[0]?.bytes ?? Buffer.of())).toBe(true);
    expect(finish(FirstState.take([memory], first, { filled }))).toBe(first);
    bytes.write('else', far);
    expect(finish(FirstState.take([memory], first, { filled }))).not.toBe(first);
  });

  test('is empty where nothing may be', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const filled = [{ from: 0, to: 0 }];
    const first = finish(FirstState.take([memory], undefined, { filled }));
    expect(first.byteLength).toBe(0);
  });

  describe.each(modes)('put back by %s', (restoreMode) => {
    test.each([
      ['has no start', '', 'first\0\0\0'],
      [
        'has a start function that writes beside the segments',
        `(func $start (i32.store8 (i32.const ${far + 6}) (i32.const 33))) (start $start)`,
        'first\0!\0',
      ],
      [
        'wants to be called once before, and writes then',
        `(func (export "_initialize") (i32.store8 (i32.const ${far + 7}) (i32.const 33)))`,
        'first\0\0!',
      ],
    ])('is what each run finds of a guest that %s', async (_, fields, expected) => {
      using engine = new Engine({ restoreMode });
      const loaded = engine.load(guestWith(fields));
      for (const _ of [1, 2, 3]) {
        const { exchange, report } = engine.begin(loaded);
        expect(answerOf(exchange, await report).text).toBe(expected);
      }
    });
  });
});
