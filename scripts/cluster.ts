/**
 * Three servers of the engine and three daemons on one machine, for trying:
 *
 *   npm run cluster -- FOLDER
 *
 * The daemons serve the folder on ports 8081, 8082 and 8083; what they keep goes with the end.
 * NATS_SERVER names nats-server where it is not in the PATH. Ctrl-C ends all of it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { NatsServers, natsProgram } from '../test/support/nats-servers.ts';

const program = join(import.meta.dirname, '../src/main.ts');
const firstPort = 8081;
const nodes = 3;

const [folder] = process.argv.slice(2);
if (folder === undefined || natsProgram === undefined) {
  const missing = folder === undefined ? 'a folder' : 'nats-server, see NATS_SERVER';
  process.stderr.write(`Cannot try a cluster: there must be ${missing}: received none\n`);
  process.exit(2);
}
const servers = await NatsServers.start({ count: 3 });
const state = mkdtempSync(join(tmpdir(), 'terrafirma-cluster-'));
const daemons = Array.from({ length: nodes }, (_, index) => startNode(index));
// Each hears the signal of the terminal by itself.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => {
  for (const daemon of daemons) daemon.kill('SIGTERM');
});
await Promise.all(daemons.map((daemon) => once(daemon, 'exit')));
await servers.close();
rmSync(state, { recursive: true, force: true });

function startNode(index: number) {
  const where = ['--listen', `127.0.0.1:${firstPort + index}`, '--threads', '1'];
  const keeps = ['--state', join(state, `node-${index + 1}`)];
  return spawn(process.execPath, [program, 'serve', resolve(folder ?? '.'), ...where, ...keeps], {
    stdio: 'inherit',
    env: {
      ...process.env,
      TERRAFIRMA_CLUSTER_SERVERS: servers.urls.join(','),
      TERRAFIRMA_CLUSTER_NODE: `node-${index + 1}`,
      TERRAFIRMA_CLUSTER_MONITOR_URLS: servers.monitorUrls.join(','),
    },
  });
}
