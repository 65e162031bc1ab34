import { streamHoard } from '../../../test/support/stream-guests.ts';
import type { Attack } from '../attack.ts';
import { hoarding } from '../hoarding.ts';

/** Each stream is two ends, a buffer and a promise of the host's; all of them wait for ever. */
export const streamHoarders: Attack = {
  name: 'stream-hoard',
  what: 'components of WASI 0.3 with 4,900 streams that nobody reads, 400 connections',
  ...hoarding(streamHoard(4_900)),
};
