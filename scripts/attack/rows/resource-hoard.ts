import { httpGuest } from '../../../test/support/component-guests.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const FOLDERS = 20;

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
  prepare(stage) {
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      stage.put('mallory', `f${folder}/hoard.wasm`, hoard);
      stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
    }
  },
  attack: ({ port }, signal) => {
    let asked = 0;
    const next = () => {
      asked += 1;
      return { port, host: `f${asked % FOLDERS}.mallory.example`, path: '/hoard.wasm' };
    };
    return flood(next, { connections: 400, clients: 20, signal });
  },
};
