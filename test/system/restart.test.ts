/**
 * Restarts that lose nothing: the sockets belong to somebody who stays. By HTTP/1.1, with bodies,
 * over TLS, by HTTP/2, and by WebSockets, which are told to come again. Skipped without
 * systemd-socket-activate.
 */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { restartUnderLoad } from '../../scripts/restarts/rounds.ts';

const hasActivate = spawnSync('systemd-socket-activate', ['--version']).status === 0;
const restarts = 5;

test.skipIf(!hasActivate)(
  `${restarts} restarts under load answer every request (skipped without systemd-socket-activate)`,
  { timeout: 600_000 },
  async () => {
    const load = await restartUnderLoad({ restarts, clients: 2, answersMin: 10 });
    expect(load.failed).toEqual([]);
    expect(load.least).toBeGreaterThanOrEqual(restarts * 10);
  },
);
