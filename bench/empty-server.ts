/**
 * The least an HTTP server of Node.js can do: what ours is measured by. Answers every request with
 * a body of as many bytes as its argument says, an upload with its length. With the files of a
 * certificate and its key as further arguments the same over HTTPS. Touches the network.
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [size, certificate, key] = process.argv.slice(2);
const body = Buffer.alloc(Number(size), 'hello\n');
const answer: RequestListener = (request, response) => {
  if (request.method === 'POST') {
    let count = 0;
    request.on('data', (piece: Buffer) => {
      count += piece.length;
    });
    request.on('end', () => response.end(`${count}\n`));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
  response.end(body);
};
const isSecure = certificate !== undefined && key !== undefined;
const server = isSecure
  ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answer)
  : createServer(answer);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const scheme = isSecure ? 'https' : 'http';
  console.log(JSON.stringify({ listening: [`${scheme}://127.0.0.1:${port}`] }));
});
