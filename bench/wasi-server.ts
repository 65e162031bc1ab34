/**
 * A CGI program run by node:wasi in the process of an HTTP server, a new instance for each request:
 * `wasi-server.ts FILE`. What its environment has is the least that `net/http/cgi` wants. Standard
 * output is a file in memory where the system has one. Touches the file system and the network.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';

const file = process.argv[2] ?? '';
const module = new WebAssembly.Module(Uint8Array.from(readFileSync(file)));
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'wasi-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
process.once('SIGTERM', () => process.exit());
const stdin = openSync('/dev/null', 'r');
/** The empty line behind the header block. */
const headEnd = /\r?\n\r?\n/;

function environmentOf(request: IncomingMessage): Record<string, string> {
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: `HTTP/${request.httpVersion}`,
    REQUEST_METHOD: request.method ?? '',
    REQUEST_URI: request.url ?? '',
    SCRIPT_NAME: '',
    PATH_INFO: request.url ?? '',
    QUERY_STRING: '',
    HTTP_HOST: request.headers.host ?? '',
    REMOTE_ADDR: request.socket.remoteAddress ?? '',
  };
}

/** What the program wrote, to a file that is empty when it begins. */
function run(request: IncomingMessage): Buffer {
  const stdout = openSync(join(directory, 'out'), 'w+');
  try {
    const env = environmentOf(request);
    const wasi = new WASI({ version: 'preview1', env, stdin, stdout, returnOnExit: true });
    const imports = wasi.getImportObject() as WebAssembly.Imports;
    wasi.start(new WebAssembly.Instance(module, imports));
    const bytes = Buffer.allocUnsafe(fstatSync(stdout).size);
    readSync(stdout, bytes, 0, bytes.length, 0);
    return bytes;
  } finally {
    closeSync(stdout);
  }
}

const server = createServer((request, response) => {
  const text = run(request).toString('latin1');
  const end = headEnd.exec(text);
  const body = text.slice(end === null ? 0 : end.index + end[0].length);
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
  response.end(body, 'latin1');
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ listening: [`http://127.0.0.1:${port}`] }));
});
