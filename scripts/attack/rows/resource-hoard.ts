import { httpGuest } from '../../../test/support/component-guests.ts';
import type { Attack } from '../attack.ts';
import { hoarding } from '../hoarding.ts';

/** Each resource is an object of the host's, which the guest holds by a number; then it waits. */
const hoard = httpGuest(`
  (func (export "handle") (param i32 i32) (local $left i32)
    (local.set $left (i32.const 9900))
    (loop $more
      (drop (call $response (call $fields)))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $block (call $after (i64.const 60000000000))))`);

/** What the host keeps for components, in as many runs as there may be. */
export const resourceHoard: Attack = {
  name: 'resource-hoard',
  what: 'components that hold nearly as many resources as they get and wait, 400 connections',
  ...hoarding(hoard),
};
