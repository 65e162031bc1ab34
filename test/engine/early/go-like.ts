/**
 * A small module with all that a Go program is recognised by, written by hand, so that what is done
 * with Go's starts is tested without Go: its stack, its loop, wrappers of imports, the table of
 * names, and a generator that was made of the random numbers it asked for.
 */
import { blockWords, keyWords, writeBlock } from '../../../src/engine/early/chacha8.ts';
import { assemble } from '../../wasm/support/assemble.ts';

/** The random numbers that a World must give it. */
export const seed = Buffer.from('thirty-two bytes, none of them 0');

/** Addresses. */
export const at = {
  starts: 0x200,
  written: 0x208,
  handles: 0x210,
  environmentPointers: 0x300,
  environment: 0x400,
  copy: 0x800,
  g: 0x1000,
  m: 0x2000,
  g0: 0x3000,
  generator: 0x2100,
  stack: 0x8000,
  made: 0x9000,
  names: 0xa000,
  data: 0xc000,
} as const;

/** What the program answers with: all from `starts` to the end of the environment's copy. */
export const answerBytes = 0x1000;
const answerFrom = at.starts;

export interface GoLikeOptions {
  /** Of the program's own, in its start, behind that of the runtime. */
  readonly start?: string;
  /** Whether the start then asks the host for random numbers, as package variables do. */
  readonly asksRandom?: boolean;
  /** What g says in place of the address of a goroutine. */
  readonly g?: string;
  /** In place of the loop's last instruction but `return`. */
  readonly loopEnd?: string;
  /** What else its memory begins with, as a text of WebAssembly. */
  readonly data?: string;
  /** Of its functions, by their numbers. */
  readonly names?: Readonly<Record<number, string>>;
}

const bodies = {
  rand: 0,
  refill: 1,
  main: 2,
  bodyGet: 3,
  randomGet: 4,
  rt0: 5,
  loop: 6,
  start: 7,
} as const;
export const goLikeNames: Readonly<Record<number, string>> = {
  [bodies.rand]: 'runtime.rand',
  [bodies.refill]: 'internal/chacha8rand.(*State).Refill',
  [bodies.main]: 'main.main',
  [bodies.bodyGet]: 'sdk.bodyGet',
  [bodies.randomGet]: 'runtime.random_get',
  [bodies.rt0]: 'runtime.rt0_go',
};
const firstPlace = 0x1000;
const placeOf = (body: number): number => firstPlace + body;

/** `seed` as a state of the generator, and what its second generator begins with. */
function makeGenerator(): Buffer {
  // The runtime's first generator draws four numbers, which are the key of this one.
  const first = new Uint32Array(blockWords);
  writeBlock(first, wordsOf(seed), 0);
  const key = first.slice(0, keyWords);
  const block = new Uint32Array(blockWords);
  writeBlock(block, key, 0);
  const second = block.slice(0, 2);
  const [used, there, counter, gap] = [1, 32, 0, 0];
  return bufferOf(Uint32Array.of(...block, ...key, used, there, counter, gap, ...second));
}

function wordsOf(bytes: Buffer): Uint32Array {
  return Uint32Array.from({ length: keyWords }, (_, word) => bytes.readUInt32LE(word * 4));
}

function bufferOf(words: Uint32Array): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4);
  return bytes;
}

/** As Go's linker lays it out: a header, the functions, what is said of each, their names. */
function makeNames(names: Readonly<Record<number, string>>): Buffer {
  const known = Object.entries(names);
  const header = Buffer.alloc(72);
  header.set([0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8]);
  const functions = Buffer.alloc(known.length * 16);
  const texts: Buffer[] = [];
  let textBytes = 0;
  for (const [index, [body, name]] of known.entries()) {
    const said = known.length * 8 + index * 8;
    functions.writeUInt32LE(placeOf(Number(body)), index * 8);
    functions.writeUInt32LE(said, index * 8 + 4);
    functions.writeUInt32LE(textBytes, said + 4);
    texts.push(Buffer.from(`${name}\0`));
    textBytes += name.length + 1;
  }
  header.writeBigUInt64LE(BigInt(known.length), 8);
  header.writeBigUInt64LE(BigInt(header.length + functions.length), 32);
  header.writeBigUInt64LE(BigInt(header.length), 64);
  return Buffer.concat([header, functions, ...texts]);
}

function text(bytes: Buffer): string {
  return [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
}

/** What each function of Go ends with. */
const ret = `(global.set 0 (local.tee 1 (i32.add (local.get 1) (i32.const 8))))
  i32.const 0 return unreachable`;

function wrapper(name: string, imported: string): string {
  return `(func ${name} (type $go) (local i32 i64)
    (local.set 1 (global.get 0))
    (i32.load offset=8 (local.get 1))
    (i32.load offset=16 (local.get 1))
    call ${imported}
    (local.set 1 (global.get 0))
    i64.extend_i32_u
    local.set 2
    (i64.store32 offset=24 (local.get 1) (local.get 2))
    ${ret})`;
}

/** Pushes arguments, and where in main to go on, and calls. */
function callWith(callee: string, [first = 0, second = 0]: readonly number[], resume: number) {
  return `(global.set 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 40))))
    (i64.store (local.get 1) (i64.const ${placeOf(bodies.main) * 65_536 + resume}))
    (i64.store offset=8 (local.get 1) (i64.const ${first}))
    (i64.store offset=16 (local.get 1) (i64.const ${second}))
    (call ${callee} (i32.const 0))
    (local.set 1 (global.get 0))
    br_if $unwind`;
}

export function makeGoLike(options: GoLikeOptions = {}): Uint8Array<ArrayBuffer> {
  const { start = '', asksRandom = false, data = '', g = `(i64.const ${at.g})` } = options;
  const { loopEnd = '(global.set 7 (i32.const 0))', names = goLikeNames } = options;
  return assemble(`(module
  (type $go (func (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environment (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "fastly_http_req" "body_downstream_get" (func $get (param i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  (table ${firstPlace + 8} funcref)
  (memory (export "memory") 1)
  (global (mut i32) (i32.const 0)) (global (mut i64) (i64.const 0))
  (global (mut i64) (i64.const 0)) (global (mut i64) (i64.const 0))
  (global (mut i64) (i64.const 0)) (global (mut i64) (i64.const 0))
  (global (mut i64) (i64.const 0)) (global (mut i32) (i32.const 0))
  (export "_start" (func $start))
  (elem (i32.const ${firstPlace}) $rand $refill $main $bodyGet $randomGet $rt0 $loop $start)
  (data (i32.const ${at.made}) "${text(makeGenerator())}")
  (data (i32.const ${at.names}) "${text(makeNames(names))}")
  (data (i32.const ${at.data}) "${data}")
  (func $rand (type $go) (local i32) (local.set 1 (global.get 0)) ${ret})
  (func $refill (type $go) (local i32) (local.set 1 (global.get 0)) ${ret})
  (func $main (type $go) (local i32)
    (local.set 1 (global.get 0))
    block $unwind
    block $resume
    block $started
    block $begin
    (br_table $begin $started $resume (local.get 0))
    end
    (i32.store (i32.const ${at.starts}) (i32.add (i32.load (i32.const ${at.starts})) (i32.const 1)))
    ${start}
    ${asksRandom ? callWith('$randomGet', [0x180, 8], 1) : ''}
    end
    ${callWith('$bodyGet', [at.handles, at.handles + 4], 2)}
    end
    (drop (call $response (i32.const ${at.handles})))
    (drop (call $body (i32.const ${at.handles + 4})))
    (drop (call $write (i32.load (i32.const ${at.handles + 4})) (i32.const ${answerFrom})
      (i32.const ${answerBytes}) (i32.const 0) (i32.const ${at.written})))
    (drop (call $write (i32.load (i32.const ${at.handles + 4})) (i32.const ${at.generator})
      (i32.const 312) (i32.const 0) (i32.const ${at.written})))
    (drop (call $send (i32.load (i32.const ${at.handles})) (i32.load (i32.const ${at.handles + 4}))
      (i32.const 0)))
    ;; What it leaves is put back.
    (i32.store (i32.const ${at.starts}) (i32.const 77))
    (call $exit (i32.const 0))
    end
    i32.const 1)
  ${wrapper('$bodyGet', '$get')}
  ${wrapper('$randomGet', '$random')}
  (func $rt0 (type $go) (local i32)
    (local.set 1 (global.get 0))
    (drop (call $random (i32.const 0x100) (i32.const 32)))
    (drop (call $environment (i32.const ${at.environmentPointers}) (i32.const ${at.environment})))
    (memory.copy (i32.const ${at.generator}) (i32.const ${at.made}) (i32.const 312))
    (i64.store (i32.const ${at.m}) (i64.const ${at.g0}))
    (i64.store offset=48 (i32.const ${at.g}) (i64.const ${at.m}))
    (i64.store offset=48 (i32.const ${at.g0}) (i64.const ${at.m}))
    (global.set 2 ${g})
    (i64.store (i32.sub (local.get 1) (i32.const 8)) (i64.const ${placeOf(bodies.main) * 65_536}))
    i32.const 1)
  (func $loop
    global.get 7 i32.eqz
    if
      loop $again
        (i32.load16_u (i32.sub (global.get 0) (i32.const 8)))
        (i32.load offset=2 (i32.sub (global.get 0) (i32.const 8)))
        call_indirect (type $go)
        drop
        (br_if $again (i32.eqz (global.get 7)))
      end
    end
    ${loopEnd} return unreachable)
  (func $start
    (global.set 0 (i32.wrap_i64 (i64.const ${at.stack})))
    (drop (call $rt0 (i32.const 0)))
    call $loop
    return unreachable))`);
}
