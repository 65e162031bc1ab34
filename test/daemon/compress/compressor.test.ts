import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { Compressor, type CompressorOptions } from '../../../src/daemon/compress/compressor.ts';
import type { ContentCoding } from '../../../src/http/content-coding.ts';
import type { OwnerKey } from '../../../src/names.ts';

const TEXT = Buffer.from('A line of text that says the same again and again.\n'.repeat(200));
const open: Compressor[] = [];

afterEach(() => Promise.all(open.splice(0).map((compressor) => compressor.close())));

function openCompressor(options: Partial<CompressorOptions> = {}): Compressor {
  const compressor = new Compressor({
    bytesMax: 1_000_000,
    nowMs: () => performance.now(),
    onTrouble: (reason) => {
      throw new Error(reason);
    },
    ...options,
  });
  open.push(compressor);
  return compressor;
}

function ask(
  compressor: Compressor,
  key: string,
  more: { bytes?: Uint8Array; coding?: ContentCoding } = {},
) {
  const { bytes = TEXT, coding = 'zstd' } = more;
  const owner = '/keybase/public/alice' as OwnerKey;
  return compressor.compress({ ask: 'compress', owner, key, coding, bytes: new Uint8Array(bytes) });
}

test.each([
  ['zstd', zstdDecompressSync],
  ['br', brotliDecompressSync],
  ['gzip', gunzipSync],
] as const)('what is made by %s is the same content', async (coding, decompress) => {
  const made = await ask(openCompressor(), 'a', { coding });
  expect(made?.length).toBeLessThan(TEXT.length / 10);
  expect(decompress(made ?? new Uint8Array())).toEqual(TEXT);
});

test('what is kept is not made again', async () => {
  const compressor = openCompressor();
  const first = await ask(compressor, 'a');
  expect(await ask(compressor, 'a', { bytes: Buffer.alloc(0) })).toBe(first);
});

test('what two ask for at once is made once', async () => {
  const compressor = openCompressor();
  const [one, other] = await Promise.all([ask(compressor, 'a'), ask(compressor, 'a')]);
  expect(one).toBe(other);
});

test('compressedBytesMax: what is over it is not kept', async () => {
  const compressor = openCompressor({ bytesMax: 10 });
  const first = await ask(compressor, 'a');
  const again = await ask(compressor, 'a');
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
});

test('what becomes hardly smaller is none', async () => {
  const noise = crypto.getRandomValues(new Uint8Array(10_000));
  expect(await ask(openCompressor(), 'a', { bytes: noise })).toBeNull();
});

test('a file that takes too long costs only the thread', async () => {
  const compressor = openCompressor({ fileMsMax: 1 });
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const large = Buffer.concat(Array.from({ length: 8 }, () => bytes));
  expect(await ask(compressor, 'a', { bytes: large, coding: 'br' })).toBeNull();
});

test('a thread that ended is replaced at the next question', async () => {
  const compressor = openCompressor({ fileMsMax: 60_000 });
  await ask(compressor, 'a');
  await compressor.close();
  expect(await ask(compressor, 'b')).toBeNull();
});

test('too many who wait are refused', async () => {
  const compressor = openCompressor();
  const asked = Array.from({ length: 100 }, (_, index) => ask(compressor, `${index}`));
  const settled = await Promise.allSettled(asked);
  const refused = settled.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]).toMatchObject({ reason: { code: 'overloaded' } });
  expect(settled.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
});
