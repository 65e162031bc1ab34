/** A thread that wants an object, and brings it where it is obliged to. Edge: worker thread. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Account } from '../../../src/account/account.ts';
import { CacheClient } from '../../../src/capability/cache/client.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { address, alice, bodyOf, options, readAll } from './cache-bodies.ts';

export interface CacheThreadStart {
  readonly port: MessagePort;
  readonly account: SharedArrayBuffer;
  readonly threadNumber: number;
  readonly runs: number;
  /** `bring`: as it should be; `die`: ends in the middle of the body it is obliged to bring. */
  readonly how: 'bring' | 'die';
}

/** The texts that its runs got, and how often it was obliged. */
export interface CacheThreadEnd {
  readonly texts: readonly string[];
  readonly brought: number;
}

async function runAll(start: CacheThreadStart): Promise<CacheThreadEnd> {
  const client = new CacheClient({
    port: start.port,
    limits: defaultLimits,
    account: new Account(start.account, start.threadNumber),
    nowMs: () => performance.now(),
  });
  let brought = 0;
  const texts = await Promise.all(
    Array.from({ length: start.runs }, async () => {
      const cache = client.forRun({ folderKey: alice });
      const entry = await cache.enter(address('k'));
      if (!entry.isObliged) return await readAll((await entry.found?.open()) ?? bodyOf('nothing'));
      if (start.how === 'die') process.exit(0);
      brought += 1;
      const text = `${start.threadNumber} brought it `.repeat(20_000);
      const stored = await entry.insert(options(), bodyOf(text));
      return await readAll(await stored.open());
    }),
  );
  client.close();
  return { texts, brought };
}

const start: CacheThreadStart = workerData;
parentPort?.postMessage(await runAll(start));
