/** What guests that runs have grown are to other sites with the same bytes. */
import { describe, expect, test } from 'vitest';
import { roomBytesOf, roomFor, SiteRooms } from '../../../src/engine/supply/rooms.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { assemble } from '../../wasm/support/assemble.ts';
import { Engine } from '../world.ts';

const page = 64 * 1024;

/**
 * By the last letter of the path: from `a` on grows by so many pages, and writes to the last of
 * them; a digit loads from the page of that number, which traps where there is none.
 */
const growerText = `(module
  (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "run") (local $letter i32)
    (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $letter (i32.load8_u (i32.sub
      (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))) (i32.const 1))))
    (if (i32.ge_u (local.get $letter) (i32.const 97))
      (then
        (drop (memory.grow (i32.sub (local.get $letter) (i32.const 97))))
        (i32.store8 (i32.const 0x80) (i32.const 55))
        (i32.store
          (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4))
          (i32.const -1)))
      (else
        (i32.store8 (i32.const 0x80) (i32.add (i32.const 48)
          (i32.load (i32.add (i32.const 0xfffc)
            (i32.shl (i32.sub (local.get $letter) (i32.const 48)) (i32.const 16))))))))
    (drop (call $set (i32.const 0) (i32.const 0x80) (i32.const 1)))))`;
const grower = assemble(growerText);
/** The same with a byte more of code: another program. */
const otherProgram = assemble(
  growerText.replace('(local $letter i32)', '(local $letter i32) (nop)'),
);

describe('guests that runs have grown', () => {
  const open = () => {
    const engine = new Engine({ restoreMode: 'cards' });
    const loaded = { ...engine.load(grower), isOptimised: false };
    const ask = async (siteKey: string, letter: string): Promise<string> => {
      const { report, text } = await engine.run(loaded, { siteKey, target: `/${letter}` });
      return report.outcome === 'replied' ? text : report.outcome;
    };
    return { engine, loaded, ask, [Symbol.dispose]: () => engine[Symbol.dispose]() };
  };

  test('pass between sites whose own runs have grown theirs as far', async () => {
    using world = open();
    for (const site of ['/a', '/b', '/c']) expect(await world.ask(site, 'b')).toBe('7');
    const { created } = world.engine.pool.counts;
    expect(world.engine.pool.idleCount).toBe(created);
    for (let round = 0; round < 20; round += 1) {
      expect(await world.ask(['/a', '/b', '/c'][round % 3] ?? '', 'b')).toBe('7');
    }
    expect(world.engine.pool.counts.created).toBe(created);
    expect(world.engine.pool.counts.discarded).toBe(0);
  });

  test('a hundred sites need no guest each', async () => {
    using world = open();
    for (let site = 0; site < 100; site += 1) await world.ask(`/${site}`, 'b');
    const { created } = world.engine.pool.counts;
    for (let site = 0; site < 100; site += 1) await world.ask(`/${site}`, 'b');
    expect(world.engine.pool.counts.created).toBe(created);
  });

  test('are restored as suits runs, however many of these had to have a guest made', async () => {
    using engine = new Engine();
    const loaded = engine.load(grower);
    const sites = Array.from({ length: 300 }, (_, site) => `/${site}`);
    const askAll = async (): Promise<number> => {
      for (const siteKey of sites) await engine.run(loaded, { siteKey, target: '/b' });
      return engine.pool.counts.created;
    };
    const created = await askAll();
    expect(await askAll()).toBe(created);
    expect(engine.pool.modeOf(loaded, '/any' as OwnerKey)).toBe('cards');
    expect(await askAll()).toBe(created);
  });

  test('are not made for each site anew where the program is compiled anew', async () => {
    using world = open();
    for (let site = 0; site < 20; site += 1) await world.ask(`/${site}`, 'b');
    const { created } = world.engine.pool.counts;
    world.engine.pool.renew({ ...world.loaded, isOptimised: true });
    for (let site = 0; site < 20; site += 1) await world.ask(`/${site}`, 'b');
    expect(world.engine.pool.counts.created).toBe(created + 1);
    // A site that is new has what its own runs have grown, which is nothing.
    expect(await world.ask('/new', '1')).toBe('trapped');
  });

  test('show a site what its own runs have grown, and nothing of what others have', async () => {
    using world = open();
    for (const letter of ['b', 'd', 'q', 'c']) await world.ask('/large', letter);
    // One that never grew anything has what is new.
    expect([await world.ask('/none', '0'), await world.ask('/none', '1')]).toEqual([
      '0',
      'trapped',
    ]);
    // One page, whoever had the guest before, and in new ones, too; what was written is gone.
    expect(await world.ask('/small', 'b')).toBe('7');
    for (let round = 0; round < 3; round += 1) {
      expect(await world.ask('/small', '1')).toBe('0');
      expect(await world.ask('/small', '2')).toBe('trapped');
      await world.ask('/large', 'q');
    }
    // Three pages lie in room for four.
    expect(await world.ask('/middle', 'd')).toBe('7');
    for (let round = 0; round < 3; round += 1) {
      expect(await world.ask('/middle', '4')).toBe('0');
      expect(await world.ask('/middle', '5')).toBe('trapped');
    }
  });

  test('show nothing to other programs of the same site', async () => {
    using world = open();
    expect(await world.ask('/a', 'b')).toBe('7');
    const other = world.engine.load(otherProgram);
    const { report } = await world.engine.run(other, { siteKey: '/a', target: '/1' });
    expect(report.outcome).toBe('trapped');
    expect(await world.ask('/a', '1')).toBe('0');
  });

  test('beyond a mebibyte serve the site that grew them, and no other', async () => {
    using world = open();
    expect(await world.ask('/huge', 'z')).toBe('7');
    expect(await world.ask('/other', 'b')).toBe('7');
    expect(await world.ask('/other', '2')).toBe('trapped');
    expect(await world.ask('/huge', '9')).toBe('0');
  });
});

describe('SiteRooms', () => {
  test('the least room for what was grown', () => {
    const rooms = [0, 1, page, page + 1, 3 * page, 16 * page].map(roomFor);
    expect(rooms).toEqual([0, 1, 1, 2, 3, 5]);
    expect(rooms.map((room) => roomBytesOf(room ?? 0) / page)).toEqual([0, 1, 1, 2, 4, 16]);
    expect(roomFor(16 * page + 1)).toBeUndefined();
  });

  test('sitesMax: the site that grew longest ago is forgotten', () => {
    const rooms = new SiteRooms({ sitesMax: 2 });
    rooms.raise('/a', 1);
    rooms.raise('/b', 2);
    rooms.raise('/a', 1);
    rooms.raise('/a', 3);
    rooms.raise('/c', 1);
    expect(['/a', '/b', '/c'].map((site) => rooms.of(site))).toEqual([3, 0, 1]);
  });
});
