/**
 * Many services of WASI 0.3 that wait for the clock at the same time: prints, as JSON, the resident
 * memory they took meanwhile. An error when one did not go on and answer.
 */
import { readScriptLine } from '../scripts/command-line.ts';
import { Engine } from '../test/engine/world.ts';
import { World } from '../test/support/abi-world.ts';
import { serviceGuest } from '../test/support/async-guests.ts';

const { flags } = readScriptLine({
  command: 'node --expose-gc bench/suspended-services.ts',
  about: 'The memory of services of WASI 0.3 that wait for the clock at the same time.',
  flags: { count: { kind: 'number', fallback: 10_000, min: 1, isWhole: true, means: 'How many' } },
});
const { count } = flags;

/** Waits with nothing on a stack, then answers "awake". */
const guest = serviceGuest(`
  (data (i32.const 1024) "awake")
  (func (export "handle") (param i32) (result i32)
    (call $set (call $set-new))
    (call $join (i32.shr_u (call $after (i64.const 1000000)) (i32.const 4)) (call $get))
    (i32.or (i32.const 2) (i32.shl (call $get) (i32.const 4))))
  (func (export "callback") (param i32 i32 i32) (result i32)
    (call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end) (i32.const 0))`);

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
const rest = new World();
const first = engine.run(loaded, { world: rest });
while (rest.waiting.size === 0) await new Promise((next) => setTimeout(next, 1));
rest.elapse(1_000_000n);
await first;
globalThis.gc?.();
const before = process.memoryUsage.rss();
const world = new World();
const runs = Array.from({ length: count }, () => engine.run(loaded, { world }));
let ended = 0;
for (const run of runs) {
  run.then(() => {
    ended += 1;
  });
}
// One that may not begin ends without having waited.
while (world.waiting.size + ended < count) await new Promise((next) => setTimeout(next, 50));
globalThis.gc?.();
const taken = process.memoryUsage.rss() - before;
world.elapse(1_000_000n);
const resumed = (await Promise.all(runs)).filter(({ text }) => text === 'awake').length;
if (resumed !== count) throw new Error(`Only ${resumed} of ${count} services went on`);
console.log(JSON.stringify({ waitingBytes: taken }));
