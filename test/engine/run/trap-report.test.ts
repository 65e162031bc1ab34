import { describe, expect, test } from 'vitest';
import { describeTrap } from '../../../src/engine/run/trap-report.ts';
import { OffsetWriter } from '../../../src/wasm/offsets.ts';
import { assemble } from '../../wasm/support/assemble.ts';
import { Engine } from '../world.ts';

/** Two bytes put in, then a hundred of the original. */
const writer = new OffsetWriter();
writer.add(2, 0, 100);
const offsets = { codeStart: 0, functionCount: 10, runs: writer.finish() };

function errorOf(...frames: string[]): Error {
  const error = new WebAssembly.RuntimeError('unreachable');
  error.stack = ['RuntimeError: unreachable', ...frames].join('\n');
  return error;
}

describe('describeTrap()', () => {
  test.each([
    ['    at inner (wasm://wasm/4f2c7d1e:wasm-function[3]:0x12)', '    at inner (0x10)'],
    ['    at wasm://wasm/4f2c7d1e:wasm-function[3]:0x12', '    at function 3 (0x10)'],
    ['    at app.inner (wasm://wasm/app-4f2c7d1e:wasm-function[3]:0x12)', '    at inner (0x10)'],
    ['    at app (wasm://wasm/app-4f2c7d1e:wasm-function[3]:0x12)', '    at function 3 (0x10)'],
    [
      '    at a::b(c: 1) (wasm://wasm/my app:x-4f2c7d1e:wasm-function[3]:0x12)',
      '    at a::b(c: 1) (0x10)',
    ],
    ['    at \u001b[31mred (wasm://wasm/4f2c7d1e:wasm-function[3]:0x12)', '    at ?[31mred (0x10)'],
  ])('writes %j as %j', (frame, wanted) => {
    expect(describeTrap(errorOf(frame), offsets)).toBe(`RuntimeError: unreachable\n${wanted}`);
  });

  test.each([
    '    at spend (wasm://wasm/4f2c7d1e:wasm-function[10]:0x12)',
    '    at inner (wasm://wasm/4f2c7d1e:wasm-function[3]:0x1234)',
    '    at GuestRun.run (file:///srv/terrafirma/src/engine/run/guest-run.ts:12:3)',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
  ])('leaves out %j', (frame) => {
    expect(describeTrap(errorOf(frame), offsets)).toBe('RuntimeError: unreachable');
  });

  test('has words for an exception, and for anything else', () => {
    const tag = new WebAssembly.Tag({ parameters: [] });
    const exception = new WebAssembly.Exception(tag, []);
    expect(describeTrap(exception, offsets)).toMatch(/^an exception was thrown/);
    expect(describeTrap('text', offsets)).toBe('text');
  });
});

test('a trap is reported by offsets of the original, in any form and when restored', async () => {
  const bytes = assemble(`(module
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $divide (export "divide") (param i32) (result i32)
      (i32.store (i32.const 0) (i32.const 1))
      (i32.div_u (i32.const 1) (local.get 0)))
    (func (export "run")
      (local $n i32)
      (local.set $n (i32.const 50))
      (loop $l (i32.store (local.get $n) (i32.const 1))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (drop (call $divide (i32.const 0)))))`);
  const original = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { hostcall_resp_set_body: () => 0 },
  }).exports;
  const wanted: string[] = [];
  try {
    (original.run as () => void)();
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    for (const [, index, at] of stack.matchAll(/wasm-function\[(\d+)\]:(0x[0-9a-f]+)/g)) {
      wanted.push(`    at function ${index} (${at})`);
    }
  }
  expect(wanted).toHaveLength(2);
  for (const restoreMode of ['copy', 'cards', 'never'] as const) {
    using engine = new Engine({ restoreMode });
    const loaded = engine.load(bytes);
    for (let run = 0; run < 2; run += 1) {
      const { report } = await engine.run(loaded);
      expect(report.error?.detail).toBe(`RuntimeError: divide by zero\n${wanted.join('\n')}`);
    }
  }
});
