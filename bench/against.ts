/**
 * CPU time of a serving thread for one request, of this checkout against another one, both as
 * published and side by side.
 *
 * The median of many short rounds is told; CPU time and not requests a second, because that stays
 * the same when other programs want the processors. Needs Linux, two processors, `perf`, `wrk`,
 * `h2load`, `taskset` and `openssl`. `FASTLY_GUESTS` adds programs of Fastly's kits.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { holdObjects, objectGuest } from '../scripts/attack/object-guest.ts';
import { readScriptLine, refuseScriptLine } from '../scripts/command-line.ts';
import { assemble } from '../test/wasm/support/assemble.ts';
import { buildAssemblyScriptGuest } from './assemblyscript-guest.ts';
import { smallGuest } from './daemon-rows.ts';
import { readCgiGuest, readRustCgiGuest } from './guest-rows.ts';
import { packProgram } from './packed.ts';
import { formatTable, median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, OwnCertificate, Server } from './servers.ts';

const run = promisify(execFile);
const here = fileURLToPath(new URL('..', import.meta.url));
const hello = fileURLToPath(new URL('../test/guests/hello.wasm', import.meta.url));
const big = fileURLToPath(new URL('../test/guests/big.wasm', import.meta.url));
const components = fileURLToPath(new URL('../test/guests/components/rust/', import.meta.url));
const connections = 32;
const serversCpu = '0';
const generatorsCpu = '1';
/**
 * V8 has settled by then, once more or less well: therefore several starts. Counted in requests,
 * because a machine that is busy with others needs longer for them.
 */
const warmRequests = 120_000;
const warmSeconds = 3;
const warmTurnsMax = 30;

/** Answers with 64 KiB. */
const replyGuest = `(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "body")
  (func (export "run") (drop (call $set (i32.const 0) (i32.const 0) (i32.const 65536)))))`;

interface Load {
  readonly name: string;
  readonly path: string;
  readonly over: 'http' | 'https' | 'http2';
  /** What part of the requests warms it that warm a small guest. */
  readonly weight: number;
  /** A program of FASTLY_GUESTS, alone in its folder, and measured when V8 may optimise it. */
  readonly kit?: string;
}

const loads: readonly Load[] = [
  { name: 'small Rust guest', path: 'small.wasm', over: 'http', weight: 1 },
  { name: 'smallest guest', path: 'hello.wasm', over: 'http', weight: 1 },
  { name: 'AssemblyScript guest', path: 'as.wasm', over: 'http', weight: 1 },
  { name: 'component of WASI 0.2', path: 'component2.wasm/hello', over: 'http', weight: 1 },
  { name: 'component of WASI 0.3', path: 'component3.wasm/hello', over: 'http', weight: 1 },
  { name: 'CGI guest in C', path: 'cgi.wasm', over: 'http', weight: 1 },
  { name: 'CGI guest in Rust', path: 'rust-cgi.wasm', over: 'http', weight: 0.5 },
  { name: 'guest that answers 64 KiB', path: 'reply.wasm', over: 'http', weight: 0.3 },
  { name: 'guest of young objects', path: 'objects.wasm', over: 'http', weight: 0.3 },
  { name: 'guest that answers 1 MiB', path: 'big.wasm', over: 'http', weight: 0.03 },
  { name: 'file of 1 KB', path: 'small.bin', over: 'http', weight: 0.3 },
  { name: 'file of 64 KiB', path: 'medium.bin', over: 'http', weight: 0.3 },
  { name: 'file of 1 MiB', path: 'large.bin', over: 'http', weight: 0.05 },
  { name: 'file that is not there', path: 'absent.bin', over: 'http', weight: 0.3 },
  { name: 'small Rust guest over HTTPS', path: 'small.wasm', over: 'https', weight: 1 },
  { name: 'small Rust guest over HTTP/2', path: 'small.wasm', over: 'http2', weight: 1 },
  { name: 'file of 1 KB over HTTP/2', path: 'small.bin', over: 'http2', weight: 0.3 },
];

const kits: readonly Load[] = [
  { name: 'Fastly kit for Rust', kit: 'rust.wasm', weight: 0.5 },
  { name: 'Fastly kit for JavaScript', kit: 'javascript.wasm', weight: 0.1 },
  { name: 'Fastly kit for Go', kit: 'go.wasm', weight: 0.05 },
].map((kit) => ({ ...kit, path: 'hello', over: 'http' }));

const line = {
  command: 'node bench/against.ts',
  about:
    'CPU time of a serving thread for one request, of this checkout against another one. Needs\n' +
    'Linux, two processors, perf, wrk, h2load, taskset and openssl. FASTLY_GUESTS adds programs.',
  flags: {
    before: { kind: 'text', value: 'DIR', means: 'The other checkout, with its node_modules' },
    starts: { kind: 'number', fallback: 3, min: 1, isWhole: true, means: 'Of both servers' },
    rounds: { kind: 'number', fallback: 7, min: 1, isWhole: true, means: 'In each start' },
    seconds: { kind: 'number', fallback: 1, min: 0.1, means: 'Of each round' },
    only: { kind: 'text', value: 'WORDS', fallback: '', means: 'Rows with these words in them' },
  },
} as const;
const { flags } = readScriptLine(line);

/** The thread that has worked most since the process began: the one that serves. */
function busiestThread(pid: number): string {
  const spent = readdirSync(`/proc/${pid}/task`).map((id) => {
    const fields = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8').split(') ')[1]?.split(' ');
    return { id, ticks: Number(fields?.[11]) + Number(fields?.[12]) };
  });
  const [first] = spent.sort((a, b) => b.ticks - a.ticks);
  if (first === undefined) throw new Error(`Cannot measure: process ${pid} has no threads`);
  return first.id;
}

function commandOf({ path, over }: Load, server: Server, seconds: number): readonly string[] {
  const url = `${over === 'http' ? server.url : server.secureUrl}/${path}`;
  return over === 'http2'
    ? ['h2load', '-c4', '-m8', '-t1', `-D${seconds}`, url]
    : ['wrk', '-t1', `-c${connections}`, `-d${seconds}`, url];
}

interface Measured {
  readonly requests: number;
  /** Of the serving thread, for one request. */
  readonly cpuUs: number;
}

async function measure(load: Load, server: Server, seconds: number): Promise<Measured> {
  const thread = busiestThread(server.pid);
  const perf = ['stat', '-x,', '-e', 'task-clock', '-t', thread, '--', 'taskset', '-c'];
  const args = [...perf, generatorsCpu, ...commandOf(load, server, seconds)];
  const { stdout, stderr } = await run('perf', args);
  const cpuMs = Number(/^([\d.]+),msec,task-clock/m.exec(stderr)?.[1]);
  const requests = Number((/(\d+) requests in/.exec(stdout) ?? /(\d+) done/.exec(stdout))?.[1]);
  return { requests, cpuUs: (cpuMs * 1_000) / requests };
}

/** The slower ones settle while the others go on: nobody has the processor alone. */
async function warm(load: Load, servers: readonly Server[]): Promise<void> {
  const left = servers.map(() => warmRequests * load.weight);
  for (let turn = 0; turn < warmTurnsMax && Math.max(...left) > 0; turn += 1) {
    const found = await Promise.all(servers.map((server) => measure(load, server, warmSeconds)));
    for (const [index, { requests }] of found.entries())
      left[index] = (left[index] ?? 0) - requests;
  }
}

interface Found {
  readonly before: number[];
  readonly after: number[];
}

/** Both at the same time and on the same processor: whatever disturbs one disturbs the other. */
async function compare(load: Load, servers: readonly Server[], found: Found): Promise<void> {
  await warm(load, servers);
  const { rounds, seconds } = flags;
  for (let round = 0; round < rounds; round += 1) {
    const both = await Promise.all(servers.map((server) => measure(load, server, seconds)));
    found.before.push(both[0]?.cpuUs ?? Number.NaN);
    found.after.push(both[1]?.cpuUs ?? Number.NaN);
  }
}

function rowsOf({ name }: Load, { before, after }: Found): readonly Row[] {
  return [
    { name: `${name}, before`, value: median(before), unit: 'us' },
    { name: `${name}, after`, value: median(after), unit: 'us' },
    { name, value: medianRatio(after, before), unit: 'x', goal: { atMost: 1.03 } },
  ];
}

/** The programs of Fastly's kits that are there. */
function presentKits(): readonly Load[] {
  const { FASTLY_GUESTS: folder } = process.env;
  if (folder === undefined) return [];
  return kits.filter(({ kit = '' }) => existsSync(join(folder, kit)));
}

async function main(directory: string): Promise<void> {
  using own = new OwnCertificate();
  const environment = {
    TERRAFIRMA_TLS_LISTEN: '127.0.0.1:0',
    TERRAFIRMA_TLS_CERTIFICATE: `${own.certificate}=${own.key}`,
    TERRAFIRMA_TLS_REDIRECTS: 'false',
  };
  const programs = [packProgram(directory), packProgram(here)];
  const wanted = [...loads, ...presentKits()].filter(({ name }) => name.includes(flags.only));
  for (const load of wanted) {
    using folder = fillFolder(load);
    const found: Found = { before: [], after: [] };
    for (let start = 0; start < flags.starts; start += 1) {
      const starting = programs.map((program) =>
        Server.daemon(folder.directory, environment, program),
      );
      await using servers = new AsyncDisposableStack();
      const both = (await Promise.all(starting)).map((server) => servers.use(server));
      for (const server of both) {
        const { pid, url } = server;
        await askUntil(`${url}/${load.kit === undefined ? 'small.wasm' : load.path}`, () => true);
        if (load.kit !== undefined) await server.whenTold('module-optimised');
        await run('taskset', ['-acp', serversCpu, String(pid)]);
      }
      await compare(load, both, found);
    }
    console.log(formatTable(rowsOf(load, found)));
  }
}

function fillFolder({ kit }: Load): BenchFolder {
  const folder = new BenchFolder();
  if (kit !== undefined) {
    folder.write(readFileSync(join(process.env.FASTLY_GUESTS ?? '', kit)), 'index.wasm');
    return folder;
  }
  folder.put(smallGuest(), 'small.wasm');
  folder.put(hello, 'hello.wasm');
  folder.put(big, 'big.wasm');
  folder.put(join(components, 'hello.wasm'), 'component2.wasm');
  folder.put(join(components, 'service03.wasm'), 'component3.wasm');
  folder.write(readCgiGuest(), 'cgi.wasm');
  folder.write(readRustCgiGuest(), 'rust-cgi.wasm');
  folder.write(buildAssemblyScriptGuest(), 'as.wasm');
  folder.write(assemble(replyGuest), 'reply.wasm');
  // What a small page of a language with a collector makes and lets go of.
  folder.write(objectGuest(holdObjects(5_000)), 'objects.wasm');
  folder.write(Buffer.alloc(1_000, 'a'), 'small.bin');
  folder.write(Buffer.alloc(65_536, 'b'), 'medium.bin');
  folder.write(Buffer.alloc(1_048_576, 'c'), 'large.bin');
  return folder;
}

if (flags.before === undefined) {
  refuseScriptLine(line, '--before must name another checkout: received nothing');
}
await main(flags.before);
