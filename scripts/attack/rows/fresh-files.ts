import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const FILES = 200;
const WRITE_EVERY_MS = 500;

/** Words, so that it is worth compressing: of 60 KiB, which is one piece. */
function text(): string {
  const words = Array.from(randomBytes(8_192), (byte) => `word${byte}`);
  return words.join(' ').slice(0, 60 * 1024);
}

/** What was just written is compressed anew for each visitor, on the thread that serves him. */
export const freshFiles: Attack = {
  name: 'fresh-files',
  what: `${FILES} pages that are written all the time, asked for compressed, 200 connections`,
  prepare(stage) {
    for (let number = 0; number < FILES; number += 1) {
      stage.put('mallory', `${number}.html`, text());
    }
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port, mountDirectory }, signal) {
    const host = 'mallory.example';
    const headers = { 'accept-encoding': 'zstd' };
    const write = async (): Promise<void> => {
      while (!signal.aborted) {
        for (let number = 0; number < FILES; number += 1) {
          writeFileSync(join(mountDirectory, 'public', 'mallory', `${number}.html`), text());
        }
        await pause(WRITE_EVERY_MS);
      }
    };
    await Promise.all([
      flood((count) => ({ port, host, headers, path: `/${count % FILES}.html` }), {
        connections: 200,
        clients: 20,
        signal,
      }),
      write(),
    ]);
  },
};
