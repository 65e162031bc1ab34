/**
 * Many guests of one page that wait at the same time, each so many calls deep: prints, as JSON, the
 * resident memory they took meanwhile, and what they took when all of them had gone on, answered
 * and were idle. An error when one did not.
 */
import { readScriptLine } from '../scripts/command-line.ts';
import { Engine } from '../test/engine/world.ts';
import { MapKeyValue, World } from '../test/support/abi-world.ts';
import { assemble } from '../test/wasm/support/assemble.ts';

const { flags } = readScriptLine({
  command: 'node [--wasm-stack-switching-stack-size=KIB] bench/suspended.ts',
  about: 'The memory of guests of one page that wait for the key-value store at the same time.',
  flags: {
    count: { kind: 'number', fallback: 10_000, min: 1, isWhole: true, means: 'How many' },
    depth: { kind: 'number', fallback: 0, isWhole: true, means: 'Of their calls' },
  },
});
const { count, depth } = flags;

/** Waits for the key-value store at the end of all its calls, then answers "awake". */
const guest = assemble(`(module
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x100) "awake")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func $wait (param $calls i32) (result i32)
    (if (result i32) (local.get $calls)
      (then
        (i32.add
          (local.get $calls)
          (call $wait (i32.sub (local.get $calls) (i32.const 1)))))
      (else
        (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5)))))
  (func (export "run")
    (drop (call $wait (i32.const ${depth})))
    (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 5)))))`);

class LateStore extends MapKeyValue {
  readonly opened = Promise.withResolvers<undefined>();
  /** Guests that have come to wait here. */
  waiting = 0;

  override get(): Promise<undefined> {
    this.waiting += 1;
    return this.opened.promise;
  }
}

class LateWorld extends World {
  override readonly keyValue = new LateStore();
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
await engine.run(loaded);
const before = process.memoryUsage.rss();
const world = new LateWorld();
const runs = Array.from({ length: count }, () => engine.run(loaded, { world }));
let ended = 0;
for (const run of runs) {
  run.then(() => {
    ended += 1;
  });
}
// A guest whose stack is too small ends without having waited.
while (world.keyValue.waiting + ended < count) await new Promise((next) => setTimeout(next, 50));
const taken = process.memoryUsage.rss() - before;
world.keyValue.opened.resolve(undefined);
const answers = await Promise.all(runs);
const resumed = answers.filter(({ text }) => text === 'awake').length;
if (resumed !== count) throw new Error(`Only ${resumed} of ${count} guests went on`);
const kept = process.memoryUsage.rss() - before;
console.log(JSON.stringify({ waitingBytes: taken, idleBytesPerGuest: kept / count }));
