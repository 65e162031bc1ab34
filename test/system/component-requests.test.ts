/** Where requests of components do not get: this machine, what belongs to it, and themselves. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorNames } from '../../src/abi/component/error-codes.ts';
import { callingGuest } from '../support/component-calls.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const http = 'wasi:http/types@0.2.0';

/**
 * Sends a request to the authority that its path names; answers with a letter: `a` for the first
 * error of HTTP, or `!` where there was an answer.
 */
const sender = callingGuest({
  calls: {
    'wasi:io/poll@0.2.0': { '[method]pollable.block': '$block' },
    [http]: {
      '[method]incoming-request.path-with-query': '$path',
      '[constructor]outgoing-request': '$request-of',
      '[method]outgoing-request.set-authority': '$authority',
      '[method]outgoing-request.set-scheme': '$scheme',
      '[method]future-incoming-response.subscribe': '$subscribe',
      '[method]future-incoming-response.get': '$get',
    },
    'wasi:http/outgoing-handler@0.2.0': { handle: '$send' },
  },
  code: `
    (local $outgoing i32)
    (call $path (local.get $request) (i32.const 504))
    (local.set $outgoing (call $request-of (call $fields)))
    (drop (call $scheme (local.get $outgoing) (i32.const 1)
      (i32.const 0) (i32.const 0) (i32.const 0)))
    (if (call $authority (local.get $outgoing) (i32.const 1)
          (i32.add (i32.load (i32.const 508)) (i32.const 1))
          (i32.sub (i32.load (i32.const 512)) (i32.const 1)))
      (then unreachable))
    (call $send (local.get $outgoing) (i32.const 0) (i32.const 0) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024))
      (then (i32.store8 (i32.const 2048)
        (i32.add (i32.const 97) (i32.load8_u (i32.const 1032)))))
      (else
        (call $block (call $subscribe (i32.load (i32.const 1032))))
        (call $get (i32.load (i32.const 1032)) (i32.const 1024))
        (i32.store8 (i32.const 2048) (i32.const 33))
        (if (i32.load8_u (i32.const 1040))
          (then (i32.store8 (i32.const 2048)
            (i32.add (i32.const 97) (i32.load8_u (i32.const 1048))))))))
    (call $answer (local.get $out) (i32.const 2048) (i32.const 1))`,
});

describe('a component is refused a request', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('send.wasm', sender);
    daemon = await TestDaemon.start({ args: [folder.directory] });
    await waitFor(async () => {
      const { status } = await ask(daemon.port, '/send.wasm/127.0.0.1:1');
      return status === 200 ? true : undefined;
    });
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test.each([
    '127.0.0.1',
    '127.0.0.1:22',
    '[::1]:80',
    'localhost',
    '169.254.169.254',
    '10.0.0.1',
    '0.0.0.0:80',
    '[::ffff:127.0.0.1]:80',
    '2130706433',
  ])('to %s', async (authority) => {
    const { status, text } = await ask(daemon.port, `/send.wasm/${authority}`);
    expect(status).toBe(200);
    const error = errorNames[text.charCodeAt(0) - 97];
    expect(error).toMatch(/^(?:destination-IP-prohibited|HTTP-request-denied|DNS-error)$/);
  });

  test('to itself', async () => {
    const { text } = await ask(daemon.port, `/send.wasm/127.0.0.1:${daemon.port}`);
    expect(errorNames[text.charCodeAt(0) - 97]).toMatch(/prohibited|denied|loop/);
  });
});
