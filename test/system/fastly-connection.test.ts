/** What a program for Fastly Compute is told of the connection, through the daemon. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../support/daemon.ts';
import { fastlyProgram } from '../support/fastly-guests.ts';
import { ask } from '../support/http.ts';
import { FOLDER, SecureWorld } from '../support/secure-daemon.ts';
import { askHttp1, askHttp2 } from '../support/tls-client.ts';

const NAME = 'facts.example.com';
let world: SecureWorld;

/** Writes status and text of each. */
function factsProgram(): Promise<Uint8Array> {
  const facts = [
    'downstream_tls_protocol',
    'downstream_tls_ja4',
    'downstream_client_h2_fingerprint',
  ];
  const told = facts.map(
    (name) => `
      (i32.store (i32.const 16) (i32.const 0))
      (i32.store8 (i32.const 32) (i32.add (i32.const 48)
        (call $fastly_http_downstream.${name}
          (i32.load (i32.const 0)) (i32.const 65536) (i32.const 4096) (i32.const 16))))
      (local.set $len (i32.load (i32.const 16)))
      (call $write (i32.const 32) (i32.const 1))
      (call $write (i32.const 65536) (local.get $len))
      (call $write "\\n")`,
  );
  return fastlyProgram(`(local $len i32) (call $ask) (call $answer (i32.const 200))
    ${told.join('\n')} (call $send (i32.const 0))`);
}

beforeAll(async () => {
  world = await SecureWorld.prepare();
  world.point(NAME);
  world.mount.write(`${FOLDER}/facts.wasm`, await factsProgram());
  await world.startDaemon({
    args: ['--quiet-ms', '50'],
    env: { TERRAFIRMA_TLS_REDIRECTS: 'false' },
  });
  await waitFor(async () => {
    const { status } = await ask(world.daemon.port, '/facts.wasm', { host: NAME });
    return status === 200 ? true : undefined;
  });
});

afterAll(() => world[Symbol.asyncDispose]());

test('over plain HTTP there is nothing to tell', async () => {
  // The digit is the character 48 places after the status.
  const none = ':\n';
  const { text } = await ask(world.daemon.port, '/facts.wasm', { host: NAME });
  expect(text).toBe(none.repeat(3));
});

test('over HTTP/1.1 the handshake', async () => {
  const options = { serverName: NAME, ca: world.ca };
  const { text } = await askHttp1(world.tlsPort, '/facts.wasm', options);
  expect(text).toMatch(/^0TLSv1\.3\n0t13d\d{4}(h1|00)_[0-9a-f]{12}_[0-9a-f]{12}\n:\n$/);
});

test('over HTTP/2 also how the connection was opened', async () => {
  const options = { serverName: NAME, ca: world.ca };
  const { text } = await askHttp2(world.tlsPort, '/facts.wasm', options);
  expect(text).toMatch(/^0TLSv1\.3\n0t13d\d{4}h2_\w{12}_\w{12}\n0[\d:;]*\|\d+\|0\|[amps,]{7}\n$/);
});
