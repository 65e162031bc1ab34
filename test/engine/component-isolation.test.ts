/**
 * A request finds nothing of the one before: a hundred in restored instances answer what a hundred
 * in new ones do, for guests that leave something behind in every way that they can.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { callingGuest, data } from '../support/component-calls.ts';
import { cliGuest } from '../support/component-guests.ts';
import { Engine, guestBytes } from './world.ts';

const http = 'wasi:http/types@0.2.0';
const requestCount = 100;
const modes: readonly RestoreMode[] =
  process.platform === 'linux' ? ['copy', 'cards', 'copy-on-write'] : ['copy', 'cards'];

const calls = {
  [http]: {
    '[method]incoming-request.path-with-query': '$path',
    '[method]incoming-request.headers': '$headers',
    '[method]incoming-request.consume': '$consume',
    '[method]incoming-body.stream': '$stream',
    '[method]fields.append': '$append',
  },
  'wasi:io/streams@0.2.0': { '[method]input-stream.blocking-read': '$read' },
};

/** Puts the path's length at 512 and where it lies at 508. */
const readPath = '(call $path (local.get $request) (i32.const 504))';
const answerAt = (ptr: number, len: number): string =>
  `(call $answer (local.get $out) (i32.const ${ptr}) (i32.const ${len}))`;
const answerPath =
  '(call $answer (local.get $out) (i32.load (i32.const 508)) (i32.load (i32.const 512)))';

const bump = (at: number): string =>
  `(i32.store8 (i32.const ${at}) (i32.add (i32.const 1) (i32.load8_u (i32.const ${at}))))`;

const guests: readonly (readonly [name: string, guest: Uint8Array])[] = [
  ['answers its path', callingGuest({ calls, code: `${readPath} ${answerPath}` })],
  [
    'counts in memory, globals and tables',
    callingGuest({
      calls,
      beside: `${data(1024, '0000')}
        (global $count (mut i32) (i32.const 48))
        (table $t 3 funcref) (elem declare func $answer)`,
      code: `
        ${bump(1024)} ${bump(1025)}
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store8 (i32.const 1026) (global.get $count))
        (i32.store8 (i32.const 1027)
          (i32.add (i32.const 48) (ref.is_null (table.get $t (i32.const 1)))))
        (table.set $t (i32.const 1) (ref.func $answer))
        ${answerAt(1024, 4)}`,
    }),
  ],
  [
    'grows, and writes to what it got',
    callingGuest({
      calls,
      code: `
        (local $at i32)
        ${readPath}
        (local.set $at (i32.mul (i32.const 65536)
          (memory.grow (i32.rem_u (i32.load (i32.const 512)) (i32.const 5)))))
        (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (memory.size)))
        (if (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536))) (then
          (i32.store8 (i32.const 2049) (i32.add (i32.const 48) (i32.load8_u (local.get $at))))
          (i32.store8 (local.get $at) (i32.const 9))))
        ${answerAt(2048, 2)}`,
    }),
  ],
  [
    'traps after its answer every other time',
    callingGuest({
      calls,
      beside: data(1024, '0'),
      code: `
        ${readPath} ${bump(1024)} ${answerAt(1024, 1)}
        (if (i32.and (i32.load (i32.const 512)) (i32.const 1)) (then unreachable))`,
    }),
  ],
  [
    'traps before its answer now and then',
    callingGuest({
      calls,
      beside: data(1024, '0'),
      code: `
        ${readPath} ${bump(1024)}
        (if (i32.eqz (i32.rem_u (i32.load (i32.const 512)) (i32.const 7))) (then unreachable))
        ${answerAt(1024, 1)}`,
    }),
  ],
  [
    'leaves handles behind',
    callingGuest({
      calls,
      code: `
        (local $fields i32)
        ${readPath}
        (local.set $fields (call $headers (local.get $request)))
        (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (local.get $fields)))
        (i32.store8 (i32.const 2049) (i32.add (i32.const 48) (call $fields)))
        (i32.store8 (i32.const 2050) (i32.add (i32.const 48) (call $fields)))
        ${answerAt(2048, 3)}`,
    }),
  ],
  [
    'answers its body',
    callingGuest({
      calls,
      code: `
        (call $consume (local.get $request) (i32.const 2048))
        (call $stream (i32.load (i32.const 2052)) (i32.const 2048))
        (call $read (i32.load (i32.const 2052)) (i64.const 4096) (i32.const 2064))
        (call $answer (local.get $out) (i32.load (i32.const 2068)) (i32.load (i32.const 2072)))`,
    }),
  ],
  [
    'is a program',
    cliGuest(`
      ${data(1024, 'content-type: text/plain\n\n0')}
      (func (export "run") (result i32)
        ${bump(1050)}
        (call $write-flush (call $stdout) (i32.const 1024) (i32.const 27) (i32.const 16))
        (i32.const 0))`),
  ],
];

/** All that are built here; see their READMEs. */
const folder = join(import.meta.dirname, '../guests/components');
const built = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.wasm'))
  .map((name) => name.replace(/\.wasm$/, ''));
/** Programs of other kits, an engine for a language each, where a folder with some is named. */
const others = process.env.COMPONENT_GUESTS;
const large = (others === undefined ? [] : readdirSync(others)).filter((name) =>
  name.endsWith('.wasm'),
);

/** The hash of all answers, and how many runs ended badly. */
async function hashOf(guest: Uint8Array, restoreMode: RestoreMode | 'never'): Promise<string> {
  using engine = new Engine({ restoreMode });
  const loaded = engine.load(guest);
  const hash = createHash('sha256');
  for (let request = 0; request < requestCount; request += 1) {
    const filling = 'x'.repeat((request * 7) % 41);
    const { text, reply, report } = await engine.run(loaded, {
      // By its query the composed one knows what to do.
      target: `/guest.wasm/${filling}?${'snrb'[request % 4]}`,
      body: `body ${request} ${filling}`,
    });
    hash.update(JSON.stringify([reply?.status, reply?.headers, text, report.outcome]));
  }
  return hash.digest('hex');
}

describe('a component that', () => {
  test.each(guests)('%s does so a hundred times, restored or new', async (_, guest) => {
    const fresh = await hashOf(guest, 'never');
    for (const mode of modes) expect([mode, await hashOf(guest, mode)]).toEqual([mode, fresh]);
  });

  test.skipIf(others === undefined).each(large)(
    'is %s answers a hundred times, restored or new (skipped without COMPONENT_GUESTS)',
    { timeout: 1_200_000 },
    async (name) => {
      const guest = readFileSync(join(others ?? '', name));
      const fresh = await hashOf(guest, 'never');
      for (const mode of modes) expect([mode, await hashOf(guest, mode)]).toEqual([mode, fresh]);
    },
  );

  test.each(built)('is the guest %s answers a hundred times, restored or new', async (name) => {
    const guest = guestBytes(`components/${name}`);
    const fresh = await hashOf(guest, 'never');
    for (const mode of modes) expect([mode, await hashOf(guest, mode)]).toEqual([mode, fresh]);
  });
});
