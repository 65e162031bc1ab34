import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer, cliGuest, httpGuest } from '../support/component-guests.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const handle = (code: string): string => `(func (export "handle") (param i32 i32) ${code})`;

/** Answers its path. */
const readsPath = httpGuest(
  `${answer} ${handle(`
  (call $path (local.get 0) (i32.const 512))
  (call $answer (local.get 1) (i32.load (i32.const 516)) (i32.load (i32.const 520)))`)}`,
);

describe('components behind the daemon', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('path.wasm', readsPath);
    folder.write(
      'program.wasm',
      cliGuest(`
        (data (i32.const 1024) "content-type: text/plain\\0a\\0ahello")
        (func (export "run") (result i32)
          (call $write-flush (call $stdout) (i32.const 1024) (i32.const 31) (i32.const 16))
          (i32.const 0))`),
    );
    folder.write('whole/index.wasm', readsPath);
    daemon = await TestDaemon.start({ args: [folder.directory] });
    await waitFor(async () => {
      const { status } = await ask(daemon.port, '/path.wasm');
      return status === 200 ? true : undefined;
    }, 50_000);
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('see what comes after their name, and all of it as index.wasm', async () => {
    const own = await ask(daemon.port, '/path.wasm/users/1?a=b');
    expect([own.status, own.text]).toEqual([200, '/users/1?a=b']);
    const whole = await untilJudged('/whole/users/1');
    expect(whole).toBe('/whole/users/1');
  });

  test('answer as programs do', async () => {
    expect(await untilJudged('/program.wasm')).toBe('hello');
  });

  async function untilJudged(path: string): Promise<string> {
    return await waitFor(async () => {
      const { status, text } = await ask(daemon.port, path);
      return status === 200 ? text : undefined;
    }, 50_000);
  }
});
