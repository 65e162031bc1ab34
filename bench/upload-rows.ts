/**
 * A body that is streamed through a guest which counts its bytes: how fast, and how much memory the
 * daemon took meanwhile. Touches the network, on loopback only, and /proc where there is one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { assemble } from '../test/wasm/support/assemble.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const mib = 1024 * 1024;
const uploadBytes = 256 * mib;
const sampleEveryMs = 10;

/** Reads 64 KiB at a time to the end and answers with the count in decimal. */
const countingGuest = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "Content-Type: text/plain\\r\\n\\r\\n")
  (func $point (param $ptr i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $ptr))
    (i32.store (i32.const 4) (local.get $len)))
  (func $print (param $ptr i32) (param $len i32)
    (call $point (local.get $ptr) (local.get $len))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start") (local $count i64) (local $at i32)
    (block $end (loop $more
      (call $point (i32.const 65536) (i32.const 65536))
      (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
        (then unreachable))
      (br_if $end (i32.eqz (i32.load (i32.const 8))))
      (local.set $count (i64.add (local.get $count) (i64.load32_u (i32.const 8))))
      (br $more)))
    (call $print (i32.const 64) (i32.const 28))
    (local.set $at (i32.const 255))
    (i32.store8 (local.get $at) (i32.const 10))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i64.store8 (local.get $at)
        (i64.add (i64.const 48) (i64.rem_u (local.get $count) (i64.const 10))))
      (local.set $count (i64.div_u (local.get $count) (i64.const 10)))
      (br_if $digit (i64.ne (local.get $count) (i64.const 0))))
    (call $print (local.get $at) (i32.sub (i32.const 256) (local.get $at)))))`;

export async function measureUpload(rounds: number): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.write(assemble(countingGuest), 'count.wasm');
  await using daemon = await Server.daemon(folder.directory);
  await using empty = await Server.empty();
  const url = `${daemon.url}/count.wasm`;
  await askUntil(url, (text) => text === '0\n');
  await upload(url, 8 * mib);
  await upload(empty.url, 8 * mib);
  const ours: number[] = [];
  const theirs: number[] = [];
  const grownMib: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    using watch = new MemoryWatch(daemon.pid);
    ours.push(await upload(url, uploadBytes));
    grownMib.push(watch.grownBytes / mib);
    theirs.push(await upload(empty.url, uploadBytes));
  }
  const size = `${uploadBytes / mib} MiB`;
  return [
    { name: `upload of ${size} through a guest`, value: median(ours), unit: 'MiB/s' },
    { name: 'the same into an empty server', value: median(theirs), unit: 'MiB/s' },
    { name: 'upload against an empty server', value: medianRatio(ours, theirs), unit: 'x' },
    ...describeMemory(grownMib),
  ];
}

function describeMemory(grownMib: readonly number[]): readonly Row[] {
  if (!existsSync('/proc/self/status')) return [];
  const value = Math.max(...grownMib);
  return [{ name: 'memory an upload took at most', value, unit: 'MiB', goal: { atMost: 128 } }];
}

/** Sends so many bytes without saying their number before; tells the MiB per second. */
async function upload(url: string, bytes: number): Promise<number> {
  const piece = new Uint8Array(65_536).fill(97);
  let left = bytes;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(piece);
      left -= piece.length;
      if (left === 0) controller.close();
    },
  });
  const startedAtMs = performance.now();
  const reply = await fetch(url, { method: 'POST', body, duplex: 'half' });
  const text = await reply.text();
  const elapsedMs = performance.now() - startedAtMs;
  if (text !== `${bytes}\n`) {
    throw new Error(`Cannot measure ${url}: must count ${bytes}: received ${text.slice(0, 200)}`);
  }
  return (bytes / mib / elapsedMs) * 1_000;
}

/** The most resident memory that a process had beyond what it began with, sampled. */
class MemoryWatch implements Disposable {
  readonly #pid: number;
  readonly #beganBytes: number;
  readonly #timer: NodeJS.Timeout;
  #mostBytes: number;

  constructor(pid: number) {
    this.#pid = pid;
    this.#beganBytes = readResidentBytes(pid);
    this.#mostBytes = this.#beganBytes;
    this.#timer = setInterval(() => this.#look(), sampleEveryMs);
  }

  get grownBytes(): number {
    this.#look();
    return this.#mostBytes - this.#beganBytes;
  }

  #look(): void {
    this.#mostBytes = Math.max(this.#mostBytes, readResidentBytes(this.#pid));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function readResidentBytes(pid: number): number {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return 0;
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1]) * 1024;
}
