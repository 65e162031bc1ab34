/** What tests of caches store: addresses, options, bodies. */
import type { CacheAddress, ObjectOptions } from '../../../src/capability/cache/contract.ts';
import type { ReadBody } from '../../../src/http/body.ts';
import { BodyQueue } from '../../../src/http/body-queue.ts';
import type { Header } from '../../../src/http/message.ts';
import type { FolderKey } from '../../../src/names.ts';

export const alice = '/keybase/public/alice' as FolderKey;

export function address(key: string, headers: readonly Header[] = []): CacheAddress {
  return { space: 'core', key: Buffer.from(key), headers };
}

export function options(more: Partial<ObjectOptions> = {}): ObjectOptions {
  return {
    maxAgeMs: 60_000,
    initialAgeMs: 0,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    varyBy: [],
    surrogateKeys: [],
    metadata: new Uint8Array(0),
    isSensitive: false,
    ...more,
  };
}

/** A body that is written by hand. */
export function openBody(): BodyQueue {
  return new BodyQueue({ windowBytesMax: 1024 * 1024 });
}

/** A body that is all there. */
export function bodyOf(text: string): ReadBody {
  const body = openBody();
  body.push(Buffer.from(text));
  body.end();
  return body;
}

export async function readAll(body: ReadBody): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await body.read();
    if (piece === undefined) return Buffer.concat(pieces).toString();
    pieces.push(piece);
  }
}
