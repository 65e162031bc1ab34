/**
 * Restarts a daemon again and again under load of HTTP/1.1, TLS, HTTP/2, POSTs and WebSockets, with
 * sockets that somebody else holds: `node scripts/restarts.ts --restarts 20 --clients 8`. Ends with
 * 1 where one request was not answered. Needs systemd-socket-activate.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { kinds } from './restarts/clients.ts';
import { restartUnderLoad } from './restarts/rounds.ts';

const { values } = parseArgs({
  options: {
    restarts: { type: 'string', default: '20' },
    clients: { type: 'string', default: '4' },
    answers: { type: 'string', default: '50' },
  },
});

const load = await restartUnderLoad({
  restarts: Number(values.restarts),
  clients: Number(values.clients),
  answersMin: Number(values.answers),
});
for (const kind of kinds) process.stdout.write(`${kind.padEnd(12)}${load.answered.get(kind)}\n`);
process.stdout.write(`slowest     ${Math.round(load.slowestMs)} ms\n`);
for (const failure of load.failed.slice(0, 20)) process.stdout.write(`failed      ${failure}\n`);
process.stdout.write(`${load.sentAway} asked to come again\n`);
process.stdout.write(`${load.total} answered, ${load.failed.length} failed\n`);
process.exitCode = load.failed.length === 0 ? 0 : 1;
