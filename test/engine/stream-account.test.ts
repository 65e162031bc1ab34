import { describe, expect, test } from 'vitest';
import type { OwnerKey } from '../../src/names.ts';
import { byteStream, streamHoard } from '../support/stream-guests.ts';
import { untilHolds } from '../support/until-holds.ts';
import { Engine } from './world.ts';

const count = 4_900;

describe('streams of a component of WASI 0.3', () => {
  test('are on the account of its owner until the run ends', async () => {
    using engine = new Engine({ limits: { wallMsMax: 60_000 } });
    const owner = 'owner' as OwnerKey;
    const share = engine.account.shareOf(owner);
    const { exchange, report } = engine.begin(engine.load(streamHoard(count)), { owner });
    // Each has two ends.
    const least = 2 * count * 500;
    await untilHolds(() => expect(share.held('bytes')).toBeGreaterThan(least));
    exchange.goAway();
    await report;
    expect(share.held('bytes')).toBeLessThan(least);
  });

  test('are refused where memory is short', async () => {
    using engine = new Engine({ bytesMax: 4 * 1024 * 1024 });
    const { report } = await engine.run(engine.load(streamHoard(count)));
    expect(report.error?.detail).toContain('leave no room');
  });

  test('are written a byte at a time only as long as the run may compute', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 50 } });
    const { report } = await engine.run(engine.load(byteStream));
    expect(report.outcome).toBe('out-of-cpu');
  });
});
