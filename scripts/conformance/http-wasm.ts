/**
 * Plays the compatibility kit of http-wasm against the daemon: its handler as middleware, its
 * back-end at the end of the chain, and its client as the visitor. Edge: reads the kit's folder,
 * runs `go`, a process, and sockets on loopback.
 *
 * DIR is a copy of https://github.com/http-wasm/http-wasm-host-go; `tck` and `api` of it are used.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestDaemon, waitFor } from '../../test/support/daemon.ts';
import { TestFolder } from '../../test/support/folder.ts';
import { ask } from '../../test/support/http.ts';

/** The kit has no test of its own: it is a library for those of a host. */
const test = `package tck

import (
	"net/http"
	"os"
	"testing"
)

func TestHost(t *testing.T) {
	backend := StartBackend(os.Getenv("TCK_BACKEND"))
	defer backend.Close()
	Run(t, http.DefaultClient, os.Getenv("TCK_URL"))
}
`;

const middleware = '[[middleware]]\nfor = "/*"\nuse = ["links/tck.wasm"]\n';
const readyMsMax = 120_000;

/** Prints the report; answers the exit code. */
export async function checkHttpWasm(directory: string): Promise<number> {
  const backend = `127.0.0.1:${await findPort()}`;
  await using folder = new TestFolder();
  folder.put('fastly-hand-over', 'index.wasm');
  folder.write('fastly.toml', `[local_server.backends.origin]\nurl = "http://${backend}"\n`);
  folder.write('terrafirma.toml', middleware);
  mkdirSync(folder.path('links'));
  cpSync(path.join(directory, 'tck/tck.wasm'), folder.path('links/tck.wasm'));
  const args = [folder.directory, '--allow-outbound', '127.0.0.0/8'];
  await using daemon = await TestDaemon.start({ args, threads: 1 });
  await waitFor(async () => {
    const asked = { headers: { 'x-httpwasm-tck-testid': 'get_method/GET' } };
    const { headers } = await ask(daemon.port, '/', asked);
    return headers['x-httpwasm-tck-handled'] === undefined ? undefined : true;
  }, readyMsMax);
  const output = await playKit(directory, { backend, url: `http://127.0.0.1:${daemon.port}` });
  return report(output);
}

/** One that is free now. */
async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('Cannot find a port');
  return address.port;
}

/** What the kit's client has said. */
async function playKit(
  directory: string,
  { backend, url }: { readonly backend: string; readonly url: string },
): Promise<string> {
  const work = mkdtempSync(path.join(tmpdir(), 'terrafirma-http-wasm-'));
  try {
    for (const part of ['api', 'tck']) {
      cpSync(path.join(directory, part), path.join(work, part), { recursive: true });
    }
    // A module of its own, of which the handler was made.
    rmSync(path.join(work, 'tck/guest'), { recursive: true, force: true });
    writeFileSync(path.join(work, 'tck/host_test.go'), test);
    writeFileSync(
      path.join(work, 'go.mod'),
      'module github.com/http-wasm/http-wasm-host-go\n\ngo 1.21\n',
    );
    const environment = { ...process.env, TCK_BACKEND: backend, TCK_URL: url };
    const child = spawn('go', ['test', '-v', '-count=1', '-run', 'TestHost', './tck'], {
      cwd: work,
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pieces: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
    await once(child, 'close');
    return Buffer.concat(pieces).toString('utf8');
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function report(output: string): number {
  const count = (word: string): number =>
    output.match(new RegExp(`^ +--- ${word}: TestHost/`, 'gm'))?.length ?? 0;
  const [passed, failed] = [count('PASS'), count('FAIL')];
  if (failed > 0 || passed === 0) process.stdout.write(output);
  process.stdout.write(`http-wasm: ${passed} passed, ${failed} failed\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
