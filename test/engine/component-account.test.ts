import { describe, expect, test } from 'vitest';
import type { OwnerKey } from '../../src/names.ts';
import { httpGuest } from '../support/component-guests.ts';
import { untilHolds } from '../support/until-holds.ts';
import { Engine } from './world.ts';

const count = 9_900;

/** Makes responses that nobody gets, and waits with all of them. */
const hoard = httpGuest(`
  (func (export "handle") (param i32 i32) (local $left i32)
    (local.set $left (i32.const ${count}))
    (loop $more
      (drop (call $response (call $fields)))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $block (call $after (i64.const 600000000000))))`);

describe('what the host keeps for a component', () => {
  test('is on the account of its owner until the run ends', async () => {
    using engine = new Engine({ limits: { wallMsMax: 60_000 } });
    const loaded = engine.load(hoard);
    const owner = 'owner' as OwnerKey;
    const share = engine.account.shareOf(owner);
    const { exchange, report } = engine.begin(loaded, { owner });
    await untilHolds(() => expect(share.held('bytes')).toBeGreaterThan(count * 500));
    exchange.goAway();
    await report;
    expect(share.held('bytes')).toBeLessThan(count * 500);
  });

  test('is refused where memory is short', async () => {
    using engine = new Engine({ bytesMax: 4 * 1024 * 1024 });
    const { report } = await engine.run(engine.load(hoard));
    expect(report.error).toMatchObject({
      code: 'overloaded',
      detail: expect.stringContaining('objects of all functions that run together leave no room'),
    });
  });
});
