/** A module that fetches itself: what one visit may cause, in breadth and in depth. */
import { expect, test } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

test('one visit causes only so many runs, whatever its modules send', async () => {
  await using folder = new TestFolder();
  for (const guest of ['storm', 'hello']) folder.put(guest);
  await using daemon = await TestDaemon.start({
    args: [folder.directory, '--quiet-ms', '50'],
    threads: 1,
    env: {
      TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8',
      TERRAFIRMA_LIMITS_RUNS_PER_VISIT_MAX: '5',
    },
  });
  const runs = () =>
    daemon.log.filter((line) => line.path === '/storm.wasm' && line.outcome === 'replied').length;
  const reply = await ask(daemon.port, '/storm.wasm');
  expect(reply.text).toBe('storm');
  await daemon.waitForLog((line) => line.errorCode === 'loop');
  await daemon.waitForLog((line) => line.path === '/storm.wasm' && line.outcome === 'replied');
  expect((await ask(daemon.port, '/hello.wasm')).text).toBe('hello\n');
  await daemon.waitForLog((line) => line.path === '/hello.wasm');
  expect(runs()).toBe(6);
  const refused = daemon.log.find((line) => line.errorCode === 'loop');
  expect(refused).toMatchObject({
    status: 508,
    errorDetail: expect.stringContaining('one visit may cause 5 runs'),
  });
  // Another visitor's visit is another account.
  expect((await ask(daemon.port, '/storm.wasm')).text).toBe('storm');
});
