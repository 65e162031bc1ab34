import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ownSystemThread } from '../../src/serve/system-thread.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

// Where the system does not tell a thread's time, the clock has to do.
test.skipIf(ownSystemThread() === undefined)(
  'threads that the machine gave no time are not ended as stuck',
  async () => {
    using folder = new TestFolder();
    folder.put('hello');
    await using daemon = await TestDaemon.start({
      args: [folder.directory],
      env: { TERRAFIRMA_LIMITS_THREAD_STUCK_MS: '500' },
    });
    expect((await ask(daemon.port, '/hello.wasm')).text).toBe('hello\n');
    for (let times = 0; times < 3; times += 1) {
      daemon.child.kill('SIGSTOP');
      await wait(1_200);
      daemon.child.kill('SIGCONT');
      const { text } = await waitFor(() => ask(daemon.port, '/hello.wasm'));
      expect(text).toBe('hello\n');
      // Looks at the threads have passed since.
      await wait(600);
    }
    const told = daemon.log.map(({ msg }) => msg);
    expect(told.filter((msg) => msg.startsWith('thread'))).toEqual([]);
  },
);
