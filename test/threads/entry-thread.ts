/** A thread for the tests: says who it is, and does what it is told. */
import { parentPort, workerData } from 'node:worker_threads';

parentPort?.postMessage({ kind: 'begun', data: workerData });
parentPort?.on('message', (order: 'crash' | 'end' | 'hang') => {
  if (order === 'crash') throw new Error('as it was told');
  if (order === 'end') parentPort?.close();
  if (order === 'hang') for (;;);
});
