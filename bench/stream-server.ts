/**
 * What node:http does with bodies that it only passes on: answers GET with the file that its
 * argument names, an upload with its own bytes. Touches the network and the file system.
 */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

const [, , file = ''] = process.argv;
const { size } = statSync(file);
const whenOver = (error?: Error | null): void => {
  if (error !== undefined && error !== null) console.error(error.message);
};
const server = createServer((request, response) => {
  if (request.method === 'POST') {
    response.writeHead(200);
    pipeline(request, response, whenOver);
    return;
  }
  response.writeHead(200, { 'content-length': size });
  pipeline(createReadStream(file), response, whenOver);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ listening: [`http://127.0.0.1:${port}`] }));
});
