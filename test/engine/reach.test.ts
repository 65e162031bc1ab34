/**
 * What an earlier visitor grew, no later one may meet: neither through a hostcall's pointer, nor in
 * a size, nor in what it may still have.
 */
import { describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { Engine } from './world.ts';

const modes: readonly (RestoreMode | 'never')[] = ['copy', 'cards', 'copy-on-write', 'never'];
const hasPages = process.platform === 'linux';

/** A guest that answers 7 and grows where the request says `grow`, and else what it sees. */
interface Case {
  readonly what: string;
  readonly guest: Uint8Array;
  /** What each visitor sees, whoever was there before. */
  readonly answer: { readonly outcome: string; readonly text: string };
}

interface Face {
  readonly abi: string;
  readonly entry: string;
  /** `$reply (ptr len)`, `$wantsGrowth`, `$reaches (ptr) (result i32)`. */
  readonly parts: string;
}

const terrarium: Face = {
  abi: 'terrarium',
  entry: 'run',
  parts: `
    (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
    (func $reply (param $ptr i32) (param $len i32)
      (drop (call $set (i32.const 0) (local.get $ptr) (local.get $len))))
    (func $wantsGrowth (result i32)
      (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
      (i32.eq (i32.const 119) (i32.load8_u (i32.sub
        (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))) (i32.const 1)))))
    ;; Traps where it does not.
    (func $reaches (param $ptr i32) (result i32)
      (drop (call $set (i32.const 0) (local.get $ptr) (i32.const 8)))
      (i32.const 1))`,
};

const wasip1: Face = {
  abi: 'wasip1',
  entry: '_start',
  parts: `
    (import "wasi_snapshot_preview1" "fd_write"
      (func $fdWrite (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read"
      (func $fdRead (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (data (i32.const 0x150) "content-type: text/plain\\n\\n")
    (func $reply (param $ptr i32) (param $len i32)
      (i32.store (i32.const 0x60) (i32.const 0x150))
      (i32.store (i32.const 0x64) (i32.const 26))
      (i32.store (i32.const 0x68) (local.get $ptr))
      (i32.store (i32.const 0x6c) (local.get $len))
      (drop (call $fdWrite (i32.const 1) (i32.const 0x60) (i32.const 2) (i32.const 0x70))))
    (func $wantsGrowth (result i32)
      (i32.store (i32.const 0x40) (i32.const 0x2000))
      (i32.store (i32.const 0x44) (i32.const 0x100))
      (drop (call $fdRead (i32.const 0) (i32.const 0x40) (i32.const 1) (i32.const 0x48)))
      (i32.eq (i32.const 103) (i32.load8_u (i32.const 0x2000))))
    (func $reaches (param $ptr i32) (result i32)
      (i32.eqz (call $random (local.get $ptr) (i32.const 8))))`,
};

function guestOf(face: Face, code: { memory: string; look: string; grow: string }): Uint8Array {
  const [imports, rest] = splitImports(face.parts);
  return assemble(`(module ${imports} ${code.memory} ${rest}
    (func (export "${face.entry}")
      (local $n i32) (local $at i32) (local $grows i32)
      (local.set $grows (call $wantsGrowth))
      (local.set $n (if (result i32) (local.get $grows)
        (then (i32.const 7)) (else ${code.look})))
      (local.set $at (i32.const 0x100))
      (loop $digit
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at)
          (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
        (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
        (br_if $digit (local.get $n)))
      (call $reply (local.get $at) (i32.sub (i32.const 0x100) (local.get $at)))
      (if (local.get $grows) (then (drop ${code.grow})))))`);
}

function splitImports(parts: string): readonly [string, string] {
  const at = parts.search(/\((?:func \(export|func \$|data)/u);
  const behind = parts.lastIndexOf('(import');
  const end = parts.indexOf('\n', parts.indexOf('(result i32)))', behind));
  return at < 0 ? [parts, ''] : [parts.slice(0, end), parts.slice(end)];
}

const one = '(memory (export "memory") 1 40)';
const two = `${one} (memory $other 1 2048)`;
const grow = '(memory.grow (i32.const 8))';
const beyond = 70_000;

function casesOf(face: Face): Case[] {
  const reached = { outcome: 'replied', text: '0' };
  const trapped = { outcome: 'trapped', text: '' };
  return [
    {
      what: "a hostcall's pointer beyond memory.size",
      guest: guestOf(face, { memory: one, look: `(call $reaches (i32.const ${beyond}))`, grow }),
      answer: face === terrarium ? trapped : reached,
    },
    {
      what: "a hostcall's range across the end",
      guest: guestOf(face, { memory: one, look: '(call $reaches (i32.const 65532))', grow }),
      answer: face === terrarium ? trapped : reached,
    },
    {
      what: 'memory.size',
      guest: guestOf(face, { memory: one, look: '(memory.size)', grow }),
      answer: { outcome: 'replied', text: '1' },
    },
    {
      what: 'what another memory leaves of the limit',
      guest: guestOf(face, {
        memory: two,
        look: '(memory.grow $other (i32.const 2040))',
        grow: '(i32.const 0)',
      }),
      answer: { outcome: 'replied', text: '1' },
    },
    {
      what: 'what the first memory leaves of the limit',
      guest: guestOf(face, {
        memory: two,
        look: '(memory.grow $other (i32.const 2040))',
        grow: '(memory.grow (i32.const 8))',
      }),
      answer: { outcome: 'replied', text: '1' },
    },
    {
      what: 'the size of a table that grew',
      guest: guestOf(face, {
        memory: `${one} (table $t 3 100 funcref)`,
        look: '(table.size $t)',
        grow: '(table.grow $t (ref.null func) (i32.const 5))',
      }),
      answer: { outcome: 'replied', text: '3' },
    },
  ];
}

describe.each([terrarium, wasip1])('$abi: nothing of an earlier visitor shows', (face) => {
  describe.each(modes)('restored by %s', (restoreMode) => {
    test.skipIf(restoreMode === 'copy-on-write' && !hasPages).each(casesOf(face))(
      '$what',
      async ({ guest, answer }) => {
        using engine = new Engine({ restoreMode });
        const loaded = engine.load(guest);
        for (const wish of ['look', 'look', 'grow', 'look', 'grow', 'look']) {
          const target = `/guest.wasm/${wish}`;
          const { report, text } = await engine.run(loaded, { target, body: wish });
          const wanted = wish === 'grow' ? { outcome: 'replied', text: '7' } : answer;
          expect({ wish, outcome: report.outcome, text }).toEqual({ wish, ...wanted });
        }
      },
    );

    test.skipIf(restoreMode === 'copy-on-write' && !hasPages)(
      'a load beyond memory.size, to another site with the same bytes',
      async () => {
        using engine = new Engine({ restoreMode });
        const look = `(i32.load (i32.const ${beyond}))`;
        const loaded = engine.load(guestOf(face, { memory: one, look, grow }));
        for (let round = 0; round < 3; round += 1) {
          const mine = await engine.run(loaded, {
            siteKey: '/mine',
            target: '/guest.wasm/grow',
            body: 'grow',
          });
          expect(mine.report.outcome).toBe('replied');
          const theirs = await engine.run(loaded, {
            siteKey: '/theirs',
            target: '/guest.wasm/look',
            body: 'look',
          });
          expect(theirs.report.outcome).toBe('trapped');
        }
      },
    );
  });
});

describe('a guest whose memory the host grows', () => {
  test.each(modes)('sees its first size again, restored by %s', async (restoreMode) => {
    if (restoreMode === 'copy-on-write' && !hasPages) return;
    using engine = new Engine({ restoreMode });
    // No allocator and no memory.grow: the path goes to pages of the host's own making.
    const loaded = engine.load(
      assemble(`(module
        (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
        (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "run")
          (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
          (i32.store8 (i32.const 0x100) (i32.add (i32.const 48) (memory.size)))
          (i32.store8 (i32.const 0x101)
            (i32.add (i32.const 48) (i32.shr_u (i32.load (i32.const 0x40)) (i32.const 16))))
          (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 2)))))`),
    );
    for (let run = 0; run < 4; run += 1) expect((await engine.run(loaded)).text).toBe('21');
  });
});
