/**
 * Restarts a daemon again and again under load of HTTP/1.1, TLS, HTTP/2, POSTs and WebSockets, with
 * sockets that somebody else holds. Ends with 1 where one request was not answered.
 */
import process from 'node:process';
import { readScriptLine } from './command-line.ts';
import { kinds } from './restarts/clients.ts';
import { restartUnderLoad } from './restarts/rounds.ts';

const { flags } = readScriptLine({
  command: 'node scripts/restarts.ts',
  about:
    'Restarts a daemon again and again under load, with sockets that somebody else holds, and\n' +
    'says whether a request was lost. Needs systemd-socket-activate.',
  flags: {
    restarts: { kind: 'number', fallback: 20, isWhole: true, means: 'How often' },
    clients: { kind: 'number', fallback: 4, min: 1, isWhole: true, means: 'Of each kind' },
    answers: { kind: 'number', fallback: 50, isWhole: true, means: 'To each kind between two' },
  },
});

const load = await restartUnderLoad({
  restarts: flags.restarts,
  clients: flags.clients,
  answersMin: flags.answers,
});
for (const kind of kinds) process.stdout.write(`${kind.padEnd(12)}${load.answered.get(kind)}\n`);
process.stdout.write(`slowest     ${Math.round(load.slowestMs)} ms\n`);
for (const failure of load.failed.slice(0, 20)) process.stdout.write(`failed      ${failure}\n`);
process.stdout.write(`${load.sentAway} asked to come again\n`);
process.stdout.write(`${load.total} answered, ${load.failed.length} failed\n`);
process.exitCode = load.failed.length === 0 ? 0 : 1;
