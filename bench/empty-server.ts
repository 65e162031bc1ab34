/**
 * The least an HTTP server of Node.js can do: what ours is measured by. Answers every request with
 * a body of as many bytes as its argument says, an upload with its length. Touches the network.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const body = Buffer.alloc(Number(process.argv[2]), 'hello\n');
const server = createServer((request, response) => {
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
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ listening: [`http://127.0.0.1:${port}`] }));
});
