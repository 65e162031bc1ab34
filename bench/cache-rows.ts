/**
 * What programs for Fastly Compute find in the cache and in named stores, on the daemon as shipped
 * with one serving thread: an answer that is kept against the same from a back-end on loopback, and
 * what one look-up costs. Touches other processes and the file system.
 */
import { fastlyProgram } from '../test/support/fastly-guests.ts';
import { assemble } from '../test/wasm/support/assemble.ts';
import type { DaemonPlan } from './daemon-rows.ts';
import { measureRate } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const connections = 32;
const bodyBytes = 1_024;
const lookups = 20;
const usPerS = 1_000_000;
const perSecond = 'requests/s';

/** Sends the visitor's request to the back-end, by way of the cache, and the reply back. */
const proxy = `(call $ask)
  (drop (call $fastly_http_req.send (i32.load (i32.const 0)) (i32.load (i32.const 4)) "origin"
    (i32.const 8) (i32.const 12)))
  (call $send (i32.const 0))`;
/** The same past the cache. */
const past = `(call $ask)
  (drop (call $fastly_http_req.cache_override_v2_set (i32.load (i32.const 0))
    (i32.const 1) (i32.const 0) (i32.const 0) ""))
  ${proxy}`;
const idle = '(call $answer (i32.const 200)) (call $send (i32.const 0))';
/** Finds the same object again and again, which the first of all runs has brought. */
const finding = `(i64.store (i32.const 40) (i64.const 3600000000000))
  ${again(`(drop (call $fastly_cache.transaction_lookup "key"
      (i32.const 0) (i32.const 0) (i32.const 20)))
    (drop (call $fastly_cache.get_state (i32.load (i32.const 20)) (i32.const 24)))
    (if (i32.and (i32.load (i32.const 24)) (i32.const 8)) (then
      (drop (call $fastly_cache.transaction_insert (i32.load (i32.const 20))
        (i32.const 0) (i32.const 40) (i32.const 28)))
      (drop (call $fastly_http_body.close (i32.load (i32.const 28))))))`)}
  ${idle}`;

/** Does it so many times; the number left stands at 60. */
function again(steps: string): string {
  return `(i32.store (i32.const 60) (i32.const ${lookups}))
    (loop $next ${steps}
      (i32.store (i32.const 60) (i32.sub (i32.load (i32.const 60)) (i32.const 1)))
      (br_if $next (i32.load (i32.const 60))))`;
}

/** Looks up the same key of a named store. */
const lookingUp = `(module
  (import "fastly_kv_store" "open" (func $open (param i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "lookup" (func $lookup (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "lookup_wait_v2"
    (func $wait (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "noteskey")
  (func (export "_start")
    (drop (call $open (i32.const 1024) (i32.const 5) (i32.const 0)))
    ${again(`(drop (call $lookup (i32.load (i32.const 0)) (i32.const 1029) (i32.const 3)
        (i32.const 0) (i32.const 64) (i32.const 4)))
      (drop (call $wait (i32.load (i32.const 4)) (i32.const 8) (i32.const 2048) (i32.const 1024)
        (i32.const 12) (i32.const 16) (i32.const 24)))`)}))`;

export async function measureCache(plan: DaemonPlan): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  await using origin = await Server.empty(bodyBytes);
  const settings = `[backends.origin]\nurl = "${origin.url}"\n[kv.notes]\n`;
  folder.write(Buffer.from(settings), 'terrafirma.toml');
  const programs = { proxy, past, idle, finding };
  for (const [name, steps] of Object.entries(programs)) {
    folder.write(await fastlyProgram(steps), `${name}.wasm`);
  }
  folder.write(assemble(lookingUp), 'kv.wasm');
  const environment = { TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8' };
  await using daemon = await Server.daemon(folder.directory, environment);
  const names = [...Object.keys(programs), 'kv'];
  for (const name of names) await askUntil(`${daemon.url}/${name}.wasm`, () => true);
  return toRows(await measureRates(daemon, { ...plan, names }));
}

type Rates = ReadonlyMap<string, readonly number[]>;

async function measureRates(
  { url }: Server,
  { names, rounds, seconds }: DaemonPlan & { readonly names: readonly string[] },
): Promise<Rates> {
  const rates = new Map(names.map((name): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, found] of rates) {
      found.push(await measureRate(`${url}/${name}.wasm`, { connections, seconds }));
    }
  }
  return rates;
}

function toRows(rates: Rates): readonly Row[] {
  const of = (name: string): readonly number[] => rates.get(name) ?? [];
  /** Of one thread's time, for one look-up. */
  const us = (name: string): number =>
    (usPerS / median(of(name)) - usPerS / median(of('idle'))) / lookups;
  return [
    { name: 'answer that the cache has', value: median(of('proxy')), unit: perSecond },
    { name: 'the same from a back-end on loopback', value: median(of('past')), unit: perSecond },
    {
      name: 'cache against back-end',
      value: medianRatio(of('proxy'), of('past')),
      unit: 'x',
      goal: { atLeast: 1 },
    },
    { name: 'look-up in the cache, one thread', value: us('finding'), unit: 'us' },
    { name: 'look-up in a named store, one thread', value: us('kv'), unit: 'us' },
  ];
}
