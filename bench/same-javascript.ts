/**
 * What the program of Fastly's kit does at `/hello`, in an HTTP server of Node.js with the same
 * classes of the web: what its guest is measured by. Touches the network.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

function answer(request: Request): Response {
  const name = new URL(request.url).searchParams.get('name') ?? 'world';
  return new Response(`Hello, ${name}!\n`);
}

const server = createServer(async (incoming, outgoing) => {
  const { method = 'GET', url = '/', headers } = incoming;
  const given = headers as Record<string, string>;
  const request = new Request(`http://${headers.host}${url}`, { method, headers: given });
  const response = answer(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(await response.text());
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ listening: [`http://127.0.0.1:${port}`] }));
});
