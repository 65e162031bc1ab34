/**
 * Many guests of one ABI that wait at the same time: prints, as JSON, the resident memory that they
 * took, at once and when the daemon has done what it does in a calm time. An error when one did not
 * go on and answer.
 */
import { measureMemory } from 'node:vm';
import { readScriptLine } from '../scripts/command-line.ts';
import { Account } from '../src/account/account.ts';
import { giveHeapsRoom } from '../src/account/heap-room.ts';
import { createSharedAccount, headerWord } from '../src/account/shared.ts';
import { Tidy } from '../src/account/tidy.ts';
import { Engine } from '../test/engine/world.ts';
import { MapKeyValue, World } from '../test/support/abi-world.ts';
import { waitingGuests, waitNs } from './waiting-guests.ts';

const names = [...waitingGuests.keys()].join(', ');
const { flags } = readScriptLine({
  command: 'node bench/waiting.ts',
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

const calmMs = 6_000;
/** So long V8 keeps pages that it does not need. */
const keptMs = 10_000;
const looksToTrim = 8;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const mayHold = { bytesMax: 2 ** 31, threads: 1, memoriesMax: 1 };
giveHeapsRoom(mayHold);
const account = createSharedAccount(mayHold);
const tidy = new Tidy(new Account(account, 0), { trimsToo: true, utilization: () => 0 });

/** What comes in a calm time, twice; see `TidyPlan`. */
async function rest(): Promise<void> {
  for (let time = 0; time < 2; time += 1) {
    await pause(calmMs);
    const words = new Float64Array(account);
    words[headerWord.collectRounds] = (words[headerWord.collectRounds] ?? 0) + 1;
    tidy.look();
    // Done in order: the one before is over then.
    await measureMemory({ mode: 'summary', execution: 'eager' });
    await pause(keptMs);
  }
  for (let look = 0; look < looksToTrim; look += 1) tidy.look();
}

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
const firstWorld = new LateWorld();
const first = engine.run(loaded, { world: firstWorld });
while (firstWorld.waitingCount === 0) await pause(1);
firstWorld.goOn();
await first;
await rest();
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
const takenAtOnce = process.memoryUsage.rss() - before;
await rest();
const taken = process.memoryUsage.rss() - before;
world.goOn();
const resumed = (await Promise.all(runs)).filter(({ text }) => text === 'awake').length;
if (resumed !== count) throw new Error(`Only ${resumed} of ${count} guests went on`);
console.log(JSON.stringify({ waitingBytes: taken, atOnceBytes: takenAtOnce }));
