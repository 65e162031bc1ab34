/**
 * Three servers of the engine and three daemons on one machine, for trying. The first lines say how
 * to look at each node and which process each server is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { NatsServers, natsProgram } from '../test/support/nats-servers.ts';
import { readScriptLine, refuseScriptLine } from './command-line.ts';

const program = join(import.meta.dirname, '../src/main.ts');
const nodes = 3;

const line = {
  command: 'npm run cluster --',
  about:
    'Three servers of the engine and three daemons that serve FOLDER on three ports from\n' +
    'FIRST_PORT on, 8081 where it is left out. What they keep goes with the end, which is\n' +
    'Ctrl-C. NATS_SERVER names nats-server where it is not in the PATH.',
  flags: {},
  rest: { usage: 'FOLDER [FIRST_PORT]', min: 1, max: 2 },
};
const [folder, portText = '8081'] = readScriptLine(line).rest;
const firstPort = Number(portText);
if (!Number.isInteger(firstPort) || firstPort < 1 || firstPort > 65_533) {
  refuseScriptLine(line, `the first port must be from 1 to 65533: received ${portText}`);
}
if (natsProgram === undefined) {
  refuseScriptLine(line, 'there must be nats-server, see NATS_SERVER: received none');
}
const servers = await NatsServers.start({ count: 3 });
const state = mkdtempSync(join(tmpdir(), 'terrafirma-cluster-'));
const engine = {
  TERRAFIRMA_CLUSTER_SERVERS: servers.urls.join(','),
  TERRAFIRMA_CLUSTER_MONITOR_URLS: servers.monitorUrls.join(','),
};
process.stderr.write(explain());
const daemons = Array.from({ length: nodes }, (_, index) => startNode(index));
// Each hears the signal of the terminal by itself.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => {
  for (const daemon of daemons) daemon.kill('SIGTERM');
});
await Promise.all(daemons.map(ended));
await servers.close();
rmSync(state, { recursive: true, force: true });

/** One that could not start ends all of it; one that was killed does not. */
async function ended(daemon: ChildProcess): Promise<void> {
  const [code] = await once(daemon, 'exit');
  if (typeof code !== 'number' || code === 0) return;
  process.exitCode = code;
  for (const other of daemons) other.kill('SIGTERM');
}

function stateOf(index: number): string {
  return join(state, `node-${index + 1}`);
}

/** What is to be typed in another terminal. */
function explain(): string {
  const looks = Array.from({ length: nodes }, (_, index) => {
    return `http://127.0.0.1:${firstPort + index}  terrafirma status --state ${stateOf(index)}`;
  });
  const variables = Object.entries(engine).map(([name, value]) => `export ${name}=${value}`);
  const pids = servers.processIds.map((id, index) => `server s${index} is process ${id}`);
  return [...looks, ...pids, ...variables, 'terrafirma cluster status', '', ''].join('\n');
}

function startNode(index: number) {
  const where = ['--listen', `127.0.0.1:${firstPort + index}`, '--threads', '1'];
  const argv = ['serve', resolve(folder ?? '.'), ...where, '--state', stateOf(index)];
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...argv], {
    stdio: 'inherit',
    env: { ...process.env, ...engine, TERRAFIRMA_CLUSTER_NODE: `node-${index + 1}` },
  });
}
