/**
 * Many guests of one ABI that wait at the same time: prints, as JSON, the resident memory they took
 * meanwhile. An error when one did not go on and answer.
 */
import { readScriptLine } from '../scripts/command-line.ts';
import { Engine } from '../test/engine/world.ts';
import { MapKeyValue, World } from '../test/support/abi-world.ts';
import { waitingGuests, waitNs } from './waiting-guests.ts';

const names = [...waitingGuests.keys()].join(', ');
const { flags } = readScriptLine({
  command: 'node --expose-gc bench/waiting.ts',
  about: `The memory of guests that wait at the same time. NAME: ${names}`,
  flags: {
    abi: { kind: 'text', value: 'NAME', fallback: 'component-0.3', means: 'Of which ABI' },
    count: { kind: 'number', fallback: 10_000, min: 1, isWhole: true, means: 'How many' },
  },
});
const { abi, count } = flags;
const guest = waitingGuests.get(abi)?.();
if (guest === undefined) throw new Error(`Cannot find a guest of ${abi}`);

/** A world in which guests wait until they are let go on. */
class LateWorld extends World {
  override readonly keyValue = new LateStore();

  get waitingCount(): number {
    return this.waiting.size + this.keyValue.waiting;
  }

  goOn(): void {
    this.elapse(waitNs);
    this.keyValue.opened.resolve(undefined);
  }
}

class LateStore extends MapKeyValue {
  readonly opened = Promise.withResolvers<undefined>();
  waiting = 0;

  override get(): Promise<undefined> {
    this.waiting += 1;
    return this.opened.promise;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** So many that no fair share ends before the last of them; and a busy machine takes minutes. */
const limits = {
  wallMsMax: 600_000,
  runsPerSiteMax: count,
  runsPerOwnerMax: count,
  clientSharePercentMax: 100,
  instancesMax: 2 * count,
  idleGuestBytesMax: 2 ** 31,
};
using engine = new Engine({ limits, restoreMode: 'copy' });
const loaded = engine.load(guest);
const rest = new LateWorld();
const first = engine.run(loaded, { world: rest });
while (rest.waitingCount === 0) await pause(1);
rest.goOn();
await first;
globalThis.gc?.();
const before = process.memoryUsage.rss();
const world = new LateWorld();
const runs = Array.from({ length: count }, () => engine.run(loaded, { world }));
let ended = 0;
for (const run of runs) {
  run.then(() => {
    ended += 1;
  });
}
// One that may not begin ends without having waited.
while (world.waitingCount + ended < count) await pause(50);
globalThis.gc?.();
const taken = process.memoryUsage.rss() - before;
world.goOn();
const resumed = (await Promise.all(runs)).filter(({ text }) => text === 'awake').length;
if (resumed !== count) throw new Error(`Only ${resumed} of ${count} guests went on`);
console.log(JSON.stringify({ waitingBytes: taken }));
