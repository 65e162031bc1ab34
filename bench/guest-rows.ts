/**
 * Guests of other kinds than the small one, on the daemon as shipped with one serving thread: one
 * in AssemblyScript, CGI programs, one that computes, one that answers with a mebibyte. Touches the
 * file system.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble } from '../test/wasm/support/assemble.ts';
import { buildAssemblyScriptGuest } from './assemblyscript-guest.ts';
import type { DaemonPlan } from './daemon-rows.ts';
import { measureRate } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const connections = 32;
const replyBytes = 1_048_576;
const millions = 10;
const largeSizes = [1, 10];
const unit = 'requests/s';
const spin = fileURLToPath(new URL('../test/guests/spin.wasm', import.meta.url));
const big = fileURLToPath(new URL('../test/guests/big.wasm', import.meta.url));
const sharedGuests = fileURLToPath(new URL('../../shared/guests/', import.meta.url));

/** The least CGI program: one write, no C library. */
const cgiGuest = `(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\20\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\r\\n\\r\\nhello\\n")
  (func (export "_start")
    (i32.store (i32.const 4) (i32.const 34))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`;

/** Begins with so many mebibytes of data; a run writes to twenty places of them and answers. */
function largeGuest(mebibytes: number): Uint8Array {
  const bytes = mebibytes * replyBytes;
  return assemble(`(module
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") ${mebibytes * 16})
    (start $fill)
    (func $fill (memory.fill (i32.const 0) (i32.const 97) (i32.const ${bytes})))
    (func (export "run")
      (local $at i32)
      (loop $next
        (i32.store (local.get $at) (i32.const 0x62626262))
        (local.set $at (i32.add (local.get $at) (i32.const ${bytes / 20 - ((bytes / 20) % 4)})))
        (br_if $next (i32.lt_u (local.get $at) (i32.const ${bytes - 4096}))))
      (drop (call $set (i32.const 0) (i32.const 0) (i32.const 6)))))`);
}

/** A C program that reads its whole environment where there is one, else our own smallest. */
export function readCgiGuest(): Uint8Array {
  const c = join(sharedGuests, 'cgi-echo-c/cgi-echo-c.wasm');
  return existsSync(c) ? readFileSync(c) : assemble(cgiGuest);
}

/** A Rust program that tells its whole request where there is one, else our own smallest. */
export function readRustCgiGuest(): Uint8Array {
  const rust = join(sharedGuests, 'cgi-echo-rust/cgi-echo-rust.wasm');
  return existsSync(rust) ? readFileSync(rust) : assemble(cgiGuest);
}

export async function measureGuests(plan: DaemonPlan): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.write(readCgiGuest(), 'cgi.wasm');
  folder.write(readRustCgiGuest(), 'rust-cgi.wasm');
  folder.write(buildAssemblyScriptGuest(), 'as.wasm');
  folder.put(spin, 'spin.wasm');
  folder.put(big, 'big.wasm');
  for (const size of largeSizes) folder.write(largeGuest(size), `large${size}.wasm`);
  await using daemon = await Server.daemon(folder.directory);
  await askUntil(`${daemon.url}/cgi.wasm`, (text) => text.length > 0);
  await askUntil(`${daemon.url}/rust-cgi.wasm`, (text) => text.length > 0);
  await askUntil(`${daemon.url}/as.wasm`, (text) => text === 'Hello, world!\n');
  await askUntil(`${daemon.url}/spin.wasm/0`, (text) => text === 'spun\n');
  await askUntil(`${daemon.url}/big.wasm`, (text) => text.length === replyBytes);
  return [
    ...(await measureSmall(daemon, plan)),
    ...(await measureSpin(daemon, plan)),
    ...(await measureBig(daemon, plan)),
    ...(await measureLarge(daemon, plan)),
  ];
}

/** Fresh state of guests with much data, one after the other. */
async function measureLarge(
  daemon: Server,
  { rounds, seconds }: DaemonPlan,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const size of largeSizes) {
    const url = `${daemon.url}/large${size}.wasm`;
    await askUntil(url, (text) => text === 'bbbbaa');
    const load = { connections, seconds };
    await measureRate(url, load);
    const rates: number[] = [];
    for (let round = 0; round < rounds; round += 1) rates.push(await measureRate(url, load));
    rows.push({ name: `guest with ${size} MiB of data`, value: median(rates), unit });
  }
  return rows;
}

async function measureSmall(daemon: Server, plan: DaemonPlan): Promise<readonly Row[]> {
  await using empty = await Server.empty();
  const rows: Row[] = [];
  for (const { name, path, atLeast } of [
    { name: 'AssemblyScript guest', path: 'as.wasm', atLeast: 0.7 },
    { name: 'CGI guest', path: 'cgi.wasm', atLeast: 0.45 },
    { name: 'Rust CGI guest', path: 'rust-cgi.wasm', atLeast: 0.45 },
  ]) {
    const urls = { ours: `${daemon.url}/${path}`, theirs: empty.url };
    const { ours, theirs } = await alternate(urls, plan);
    const value = medianRatio(ours, theirs);
    rows.push(
      { name, value: median(ours), unit },
      { name: `${name} against an empty server`, value, unit: 'x', goal: { atLeast } },
    );
  }
  return rows;
}

async function measureBig(daemon: Server, plan: DaemonPlan): Promise<readonly Row[]> {
  await using empty = await Server.empty(replyBytes);
  const { ours, theirs } = await alternate(
    { ours: `${daemon.url}/big.wasm`, theirs: empty.url },
    plan,
  );
  return [
    { name: 'guest that answers 1 MiB', value: median(ours), unit },
    { name: 'empty server that answers 1 MiB', value: median(theirs), unit },
    { name: '1 MiB guest against an empty server', value: medianRatio(ours, theirs), unit: 'x' },
  ];
}

/** One after the other in each round, so that both see the same machine. */
async function alternate(
  urls: { readonly ours: string; readonly theirs: string },
  { rounds, seconds }: DaemonPlan,
): Promise<{ readonly ours: readonly number[]; readonly theirs: readonly number[] }> {
  const load = { connections, seconds };
  const found = { ours: [] as number[], theirs: [] as number[] };
  await measureRate(urls.ours, load);
  for (let round = 0; round < rounds; round += 1) {
    found.ours.push(await measureRate(urls.ours, load));
    found.theirs.push(await measureRate(urls.theirs, load));
  }
  return found;
}

/** Served, metered and in slices, against the same loop called from JavaScript as it is. */
async function measureSpin(
  daemon: Server,
  { rounds, seconds }: DaemonPlan,
): Promise<readonly Row[]> {
  const url = `${daemon.url}/spin.wasm/${millions}`;
  const load = { connections: 1, seconds };
  const run = await openSpin();
  const served: number[] = [];
  const bare: number[] = [];
  await measureRate(url, { connections: 1, seconds: 1 });
  run();
  for (let round = 0; round < rounds; round += 1) {
    served.push(await measureRate(url, load));
    bare.push(measureBareRate(run));
  }
  return [
    { name: `guest that counts to ${millions} million`, value: median(served), unit },
    { name: 'the same loop without a daemon', value: median(bare), unit: 'runs/s' },
    { name: 'served loop against a bare one', value: medianRatio(served, bare), unit: 'x' },
  ];
}

function measureBareRate(run: () => void): number {
  const runs = 50;
  const startedAtMs = performance.now();
  for (let each = 0; each < runs; each += 1) run();
  return (runs * 1_000) / (performance.now() - startedAtMs);
}

/** The unmetered module with the least of the ABI: a path that ends with the number. */
async function openSpin(): Promise<() => void> {
  const path = Buffer.from(`/${millions}`);
  const at = 0x1000;
  const env = {
    hostcall_req_get_path: (ptr: number, len: number) => {
      const bytes = new Uint8Array(memory.buffer);
      bytes.set(path, at);
      new DataView(memory.buffer).setUint32(ptr, at, true);
      new DataView(memory.buffer).setUint32(len, path.length, true);
    },
    hostcall_resp_set_body: () => 0,
  };
  const module = await WebAssembly.compile(Uint8Array.from(readFileSync(spin)));
  const instance = new WebAssembly.Instance(module, { env });
  const { memory, run } = instance.exports as unknown as {
    readonly memory: WebAssembly.Memory;
    readonly run: () => void;
  };
  return run;
}
