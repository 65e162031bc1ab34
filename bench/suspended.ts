/**
 * 10,000 guests of one page that wait at the same time: prints, as JSON, the resident memory they
 * took meanwhile, and what they took when all of them had gone on, answered and were idle.
 */
import { waitingGuest } from '../test/engine/guests.ts';
import { Engine } from '../test/engine/world.ts';
import { MapKeyValue, World } from '../test/support/abi-world.ts';

const count = 10_000;

class LateStore extends MapKeyValue {
  readonly opened = Promise.withResolvers<undefined>();

  override get(): Promise<undefined> {
    return this.opened.promise;
  }
}

class LateWorld extends World {
  override readonly keyValue = new LateStore();
}

const limits = { runsPerSiteMax: count, instancesMax: count, idleGuestBytesMax: 2 ** 31 };
using engine = new Engine({ limits, restoreMode: 'copy' });
const loaded = engine.load(waitingGuest);
await engine.run(loaded);
const before = process.memoryUsage.rss();
const world = new LateWorld();
const runs = Array.from({ length: count }, () => engine.run(loaded, { world }));
await new Promise((resolve) => setTimeout(resolve, 1_000));
const taken = process.memoryUsage.rss() - before;
world.keyValue.opened.resolve(undefined);
const answers = await Promise.all(runs);
const resumed = answers.filter(({ text }) => text === 'awake').length;
if (resumed !== count) throw new Error(`Only ${resumed} of ${count} guests went on`);
const kept = process.memoryUsage.rss() - before;
console.log(JSON.stringify({ waitingBytes: taken, idleBytesPerGuest: kept / count }));
