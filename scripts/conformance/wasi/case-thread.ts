/** Entry of the thread of `apart.ts`: the path of a program comes in, what is wrong goes out. */
import { parentPort } from 'node:worker_threads';
import { checkCase } from './case.ts';

if (parentPort === null) throw new TypeError('Cannot check a program: this thread has no parent');
const parent = parentPort;
parent.on('message', async (wasmPath: string) => {
  parent.postMessage(await checkCase(wasmPath));
});
