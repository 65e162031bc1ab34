/** Run by a test: the priorities of this thread, and of a thread and a process that it starts. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { isMainThread, parentPort } from 'node:worker_threads';
import { takePrecedence, withoutPrecedence } from '../../src/threads/precedence.ts';
import { startWorker } from '../../src/threads/worker.ts';

async function main(): Promise<void> {
  const usual = getPriority();
  const isTaken = takePrecedence();
  const { promise, resolve } = Promise.withResolvers<number>();
  const worker = startWorker<number>(
    { entry: new URL(import.meta.url), name: 'asked' },
    { onMessage: resolve, onCrash: console.error, onExit: () => undefined },
  );
  const thread = await promise;
  await once(worker, 'exit');
  const program = 'console.log(require("node:os").getPriority())';
  const { stdout } = withoutPrecedence(() =>
    spawnSync(process.execPath, ['--eval', program], { encoding: 'utf8' }),
  );
  const seen = { isTaken, usual, own: getPriority(), thread, child: Number(stdout) };
  console.log(JSON.stringify(seen));
}

if (isMainThread) await main();
else parentPort?.postMessage(getPriority());
