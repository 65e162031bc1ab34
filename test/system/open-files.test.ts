import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import { expect, test } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const PRLIMIT = '/usr/bin/prlimit';

test.skipIf(!existsSync(PRLIMIT))(
  'without open files to be had, files are 503, modules go on, and no folder counts as gone',
  async () => {
    using folder = new TestFolder();
    folder.put('hello');
    folder.write('page.html', 'page');
    const args = [folder.directory, '--poll-ms', '100', '--quiet-ms', '50'];
    await using daemon = await TestDaemon.start({ args, threads: 1 });
    const allow = (files: number) =>
      execFileSync(PRLIMIT, ['--pid', String(daemon.child.pid), `--nofile=${files}:4096`]);
    // One connection, made before: a new one would need an open file itself.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string) => ask(daemon.port, path, { agent });
    expect((await get('/hello.wasm')).status).toBe(200);
    expect((await get('/page.html')).status).toBe(200);
    allow(8);
    const refused = await get('/page.html');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    await daemon.waitForLog(({ msg }) => msg === 'look at the folder postponed');
    expect((await get('/hello.wasm')).status).toBe(200);
    // Whatever the daemon does every moment it must do without an open file, too.
    for (let look = 0; look < 30; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await get('/hello.wasm')).status).toBe(200);
    }
    allow(4096);
    expect((await get('/page.html')).status).toBe(200);
    agent.destroy();
    expect(daemon.log.filter(({ msg }) => /cannot be reached/.test(msg))).toEqual([]);
  },
);
