/**
 * Bodies of a gibibyte that pass through: a file, a file behind middleware that does not look at
 * it, an upload that a guest sends back, each against node:http that pipes. Needs curl. Touches the
 * file system, other processes and the network, on loopback only.
 */
import { execFile } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { guard, relayLink } from '../test/support/link-guests.ts';
import { assemble } from '../test/wasm/support/assemble.ts';
import { placed } from './pinning.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const mib = 1024 * 1024;
const bodyMib = 1024;
const bodyBytes = bodyMib * mib;
const unit = 'MiB/s';
const run = promisify(execFile);

/** A CGI program: writes what it reads, 64 KiB at a time. */
const echoGuest = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "Content-Type: application/octet-stream\\r\\n\\r\\n")
  (func $put (param $ptr i32) (param $len i32)
    (loop $again
      (i32.store (i32.const 0) (local.get $ptr))
      (i32.store (i32.const 4) (local.get $len))
      (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
        (then unreachable))
      (local.set $ptr (i32.add (local.get $ptr) (i32.load (i32.const 8))))
      (local.set $len (i32.sub (local.get $len) (i32.load (i32.const 8))))
      (br_if $again (local.get $len))))
  (func (export "_start")
    (call $put (i32.const 64) (i32.const 42))
    (block $end (loop $more
      (i32.store (i32.const 0) (i32.const 65536))
      (i32.store (i32.const 4) (i32.const 65536))
      (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
        (then unreachable))
      (br_if $end (i32.eqz (i32.load (i32.const 8))))
      (call $put (i32.const 65536) (i32.load (i32.const 8)))
      (br $more)))))`;

const settings = `
[[middleware]]
for = "/guarded/*"
use = ["links/guard.wasm"]

[[middleware]]
for = "/relayed/*"
use = ["links/relay.wasm"]
`;

export async function measureStreams(rounds: number): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.write(assemble(echoGuest), 'echo.wasm');
  folder.write(guard, 'links/guard.wasm');
  folder.write(relayLink, 'links/relay.wasm');
  folder.write(new TextEncoder().encode(settings), 'terrafirma.toml');
  for (const path of ['guarded', 'relayed']) folder.write(new Uint8Array(0), `${path}/small.txt`);
  const file = join(folder.directory, 'guarded/large.bin');
  makeLarge(file);
  folder.link(file, 'relayed/large.bin');
  folder.link(file, 'large.bin');
  await using daemon = await Server.daemon(folder.directory, {
    TERRAFIRMA_LIMITS_CPU_MS_MAX: '60000',
    TERRAFIRMA_LIMITS_REQUEST_BODY_BYTES_MAX: String(bodyBytes),
    TERRAFIRMA_LIMITS_REPLY_BODY_BYTES_MAX: String(bodyBytes),
  });
  await using piping = await Server.piping(file);
  await askUntil(`${daemon.url}/guarded/small.txt?ok`, () => true);
  await askUntil(`${daemon.url}/relayed/small.txt`, () => true);
  await askUntil(`${daemon.url}/echo.wasm`, (text) => text === '');
  const measures = {
    plain: () => download(`${daemon.url}/large.bin`),
    file: () => download(`${daemon.url}/guarded/large.bin?ok`),
    relayed: () => download(`${daemon.url}/relayed/large.bin`),
    piped: () => download(piping.url),
    echo: () => upload(`${daemon.url}/echo.wasm`, file),
    pipedBack: () => upload(piping.url, file),
  };
  const found = new Map(Object.keys(measures).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries(measures)) {
      found.get(name)?.push(await measure());
    }
  }
  return describe(found);
}

function describe(found: ReadonlyMap<string, readonly number[]>): readonly Row[] {
  const of = (name: string): readonly number[] => found.get(name) ?? [];
  const size = `${bodyMib} MiB`;
  return [
    { name: `file of ${size}`, value: median(of('plain')), unit },
    { name: `file of ${size}, a guard before it`, value: median(of('file')), unit },
    { name: `file of ${size}, relayed by a link`, value: median(of('relayed')), unit },
    { name: `file of ${size} piped by node:http`, value: median(of('piped')), unit },
    ratio('file against node:http', of('plain'), of('piped'), 0.9),
    ratio('guarded file against node:http', of('file'), of('piped'), 0.8),
    ratio('relayed file against node:http', of('relayed'), of('piped'), 0.8),
    { name: `${size} sent back by a guest`, value: median(of('echo')), unit },
    { name: `${size} piped back by node:http`, value: median(of('pipedBack')), unit },
    ratio('sent back by a guest against node:http', of('echo'), of('pipedBack'), 0.5),
  ];
}

function ratio(
  name: string,
  ours: readonly number[],
  theirs: readonly number[],
  least: number,
): Row {
  return { name, value: medianRatio(ours, theirs), unit: 'x', goal: { atLeast: least } };
}

function makeLarge(file: string): void {
  const piece = Buffer.alloc(mib, 'a large file\n');
  const descriptor = openSync(file, 'w');
  for (let count = 0; count < bodyMib; count += 1) writeSync(descriptor, piece);
}

/** MiB per second. */
function download(url: string): Promise<number> {
  return transfer(url, []);
}

/** The same of a body that comes back while it is sent. */
function upload(url: string, file: string): Promise<number> {
  return transfer(url, ['-X', 'POST', '-T', file, '-H', 'Expect:']);
}

/** By curl, which takes less of its processor than a client of Node.js would. */
async function transfer(url: string, options: readonly string[]): Promise<number> {
  const told = ['-w', '%{size_download} %{time_total}'];
  const command = ['curl', '-s', '-o', '/dev/null', ...told, ...options, url];
  const [program, ...args] = placed('generator', command);
  const { stdout } = await run(program, args);
  const [bytes = 0, elapsedS = 0] = stdout.split(' ').map(Number);
  if (bytes !== bodyBytes) {
    throw new Error(`Cannot measure ${url}: must bring ${bodyBytes} bytes: received ${bytes}`);
  }
  return bodyMib / elapsedS;
}
