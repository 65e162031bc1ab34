/** Modules that are initialised before any request, in the real daemon. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';
import { assemble } from '../wasm/support/assemble.ts';

/** Answers `answer` after it was initialised, which logs "first" and does `body`. */
function moduleThat(answer: string, body = ''): Uint8Array<ArrayBuffer> {
  return assemble(`(module
    (import "env" "hostcall_debug" (func $log (param i32 i32)))
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0x100) "first")
    (data (i32.const 0x200) "${answer}")
    (func (export "wizer.initialize")
      (call $log (i32.const 0x100) (i32.const 5))
      (memory.copy (i32.const 0x300) (i32.const 0x200) (i32.const 3))
      ${body})
    (func (export "run")
      (drop (call $set (i32.const 0) (i32.const 0x300) (i32.const 3)))
      (memory.fill (i32.const 0x200) (i32.const 0) (i32.const 0x200))))`);
}

describe('a module that is initialised before any request', () => {
  let folder: TestFolder;
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder = new TestFolder();
    folder.write('good.wasm', moduleThat('one'));
    folder.write('bad.wasm', moduleThat('bad', 'unreachable'));
    daemon = await TestDaemon.start({ args: [folder.directory, '--quiet-ms', '50'], threads: 1 });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const firsts = (): number =>
    daemon.log.filter(({ msg, message }) => [msg, message].includes('first')).length;

  test('answers from what that left, once; after a deploy before it is asked', async () => {
    for (let request = 0; request < 5; request += 1) {
      expect(await ask(daemon.port, '/good.wasm')).toMatchObject({ status: 200, text: 'one' });
    }
    expect(firsts()).toBe(1);
    folder.write('good.wasm', moduleThat('two'));
    await waitFor(() => Promise.resolve(firsts() === 2 || undefined));
    const reply = await waitFor(async () => {
      const { text } = await ask(daemon.port, '/good.wasm');
      return text === 'two' ? text : undefined;
    });
    expect({ reply, firsts: firsts() }).toEqual({ reply: 'two', firsts: 2 });
  });

  test('that fails answers 500, and the log says why', async () => {
    for (let request = 0; request < 2; request += 1) {
      expect((await ask(daemon.port, '/bad.wasm')).status).toBe(500);
    }
    const line = await waitFor(() =>
      Promise.resolve(daemon.log.find(({ errorCode }) => errorCode === 'guest-trapped')),
    );
    expect(line).toMatchObject({
      outcome: 'trapped',
      errorDetail: expect.stringMatching(/^wizer\.initialize, before any request: .*unreachable/),
    });
  });
});
