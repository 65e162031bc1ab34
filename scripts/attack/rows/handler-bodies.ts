import { upperHandler } from '../../../test/support/handler-guests.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** As many as one rule may name. */
const LINKS = 8;
const PAGE = new Uint8Array(1024 * 1024).fill(0x61);
const BODY = new Uint8Array(256 * 1024).fill(0x62);

/** Every link has the whole answer before it lets go of it, and writes it anew. */
export const handlerBodies: Attack = {
  name: 'handler-bodies',
  what: 'a page of 1 MiB behind eight handlers of http-wasm that rewrite it, 64 connections',
  async prepare(stage) {
    const links = Array.from({ length: LINKS }, (_, number) => `links/upper${number}.wasm`);
    const use = links.map((link) => `"${link}"`).join(', ');
    stage.put('mallory', 'terrafirma.toml', `[[middleware]]\nfor = "/page.bin"\nuse = [${use}]\n`);
    const handler = await upperHandler();
    for (const link of links) stage.put('mallory', link, handler);
    stage.put('mallory', 'page.bin', PAGE);
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) => {
    const page = { port, host: 'mallory.example', path: '/page.bin' };
    const next = (count: number) =>
      count % 4 === 0 ? { ...page, method: 'POST', body: BODY } : page;
    return flood(next, { connections: 64, clients: 16, signal });
  },
};
