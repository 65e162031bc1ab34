import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { guestBytes } from '../stage.ts';

const MIB = 1024 * 1024;
const FOLDERS = 8;
const VALUE = new Uint8Array(256 * 1024);
const DEPLOY_EVERY_MS = 200;
/** What follows the code of a module and means nothing: a custom section of so many bytes. */
const PADDING_BYTES = 256 * 1024;

/** One owner with many folders fills the key-value file and the store of modules. */
export const fullStores: Attack = {
  name: 'full-stores',
  what: 'keys without end in eight folders, and a new module of 256 KiB five times a second',
  environment: {
    TERRAFIRMA_LIMITS_KV_NAMESPACE_BYTES_MAX: String(32 * MIB),
    TERRAFIRMA_LIMITS_KV_OWNER_BYTES_MAX: String(64 * MIB),
    TERRAFIRMA_LIMITS_KV_BYTES_MAX: String(64 * MIB),
    TERRAFIRMA_LIMITS_MODULE_BYTES_MAX: String(MIB),
    TERRAFIRMA_LIMITS_STORE_OWNER_BYTES_MAX: String(8 * MIB),
    TERRAFIRMA_LIMITS_STORE_BYTES_MAX: String(8 * MIB),
  },
  prepare(stage) {
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      stage.put('mallory', `f${folder}/kv.wasm`, guestBytes('kv'));
      stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
    }
  },
  async attack({ port, mountDirectory }, signal) {
    let count = 0;
    const next = () => {
      count += 1;
      const host = `f${count % FOLDERS}.mallory.example`;
      return { port, host, path: `/kv.wasm/insert?k${count}`, method: 'POST', body: VALUE };
    };
    await Promise.all([
      flood(next, { connections: 8, clients: 4, signal }),
      deployWithoutEnd(join(mountDirectory, 'public', 'mallory'), signal),
    ]);
  },
};

async function deployWithoutEnd(owner: string, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count += 1) {
    const folder = join(owner, `f${count % FOLDERS}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `m${count % 64}.wasm`), paddedGuest());
    await pause(DEPLOY_EVERY_MS);
  }
}

function paddedGuest(): Uint8Array {
  const padding = Buffer.concat([Buffer.of(1, 0x78), randomBytes(PADDING_BYTES - 2)]);
  return Buffer.concat([guestBytes('hello'), Buffer.of(0), leb(padding.length), padding]);
}

/** Unsigned LEB128, the numbers of WebAssembly. */
function leb(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.of(...bytes, rest);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
