import { relayLink } from '../../../test/support/link-guests.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** Of each rule before the page: one more in all, and the request is refused. */
const LINKS = [8, 7];
/** Streamed through every link, by components that are not in each other's way. */
const PAGE = new Uint8Array(512 * 1024).fill(0x61);

/** As many links as a path may have: each is a run of its own, with streams to both sides. */
export const longChains: Attack = {
  name: 'long-chains',
  what: 'a page of 512 KiB behind 15 components of middleware, 64 connections',
  prepare(stage) {
    const rules = LINKS.map((length) => {
      const links = Array.from({ length }, () => '"links/relay.wasm"').join(', ');
      return `[[middleware]]\nfor = "/page.bin"\nuse = [${links}]\n`;
    });
    stage.put('mallory', 'terrafirma.toml', rules.join(''));
    stage.put('mallory', 'links/relay.wasm', relayLink);
    stage.put('mallory', 'page.bin', PAGE);
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/page.bin' }), {
      connections: 64,
      clients: 16,
      signal,
    }),
};
