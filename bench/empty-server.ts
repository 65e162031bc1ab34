/** The least an HTTP server of Node.js can do: what ours is measured by. Touches the network. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const body = 'hello\n';
const server = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ listening: [`http://127.0.0.1:${port}`] }));
});
