/**
 * What idle WebSockets cost: opens so many to one serving thread of a daemon of its own and prints
 * how much its resident memory grew. Starts processes, uses loopback.
 */
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { readScriptLine } from '../scripts/command-line.ts';
import { TestDaemon, waitFor } from '../test/support/daemon.ts';
import { TestFolder } from '../test/support/folder.ts';
import { ask } from '../test/support/http.ts';
import { counterGuest } from '../test/support/websocket-guests.ts';

const { flags } = readScriptLine({
  command: 'node bench/websockets.ts',
  about: 'The memory of idle WebSockets to one serving thread.',
  flags: { count: { kind: 'number', fallback: 1_000, min: 1, isWhole: true, means: 'How many' } },
});
const { count } = flags;
const SETTLE_MS = 5_000;

function residentMb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1_024;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Opens one, says something and waits for the answer: every guest has run. */
function open(port: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/counter.wasm`);
    socket.on('open', () => socket.send('hello'));
    socket.once('message', () => resolve(socket));
    socket.on('error', reject);
  });
}

using folder = new TestFolder();
folder.write('counter.wasm', await counterGuest());
await using daemon = await TestDaemon.start({ args: [folder.directory], threads: 1 });
await waitFor(async () => {
  const reply = await ask(daemon.port, '/counter.wasm');
  return reply.status === 503 ? undefined : reply;
});
const pid = daemon.child.pid ?? 0;
await wait(SETTLE_MS);
const beforeMb = residentMb(pid);
const sockets: WebSocket[] = [];
while (sockets.length < count) sockets.push(await open(daemon.port));
await wait(SETTLE_MS);
const afterMb = residentMb(pid);
console.log(
  `${count} idle WebSockets: ${beforeMb.toFixed(1)} MB before, ${afterMb.toFixed(1)} MB after, ` +
    `${(((afterMb - beforeMb) * 1_024) / count).toFixed(1)} KB each`,
);
