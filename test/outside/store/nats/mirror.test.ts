import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createLiveness,
  Liveness,
  machineMs,
} from '../../../../src/outside/store/nats/liveness.ts';
import { MirrorFile } from '../../../../src/outside/store/nats/mirror-file.ts';
import { MirrorReader } from '../../../../src/outside/store/nats/mirror-reader.ts';
import { Places, subjectOf } from '../../../../src/outside/store/nats/places.ts';
import type { Row } from '../../../../src/outside/store/nats/rows.ts';

const places = new Places('main', 2);
const space = { area: 'kv', name: '/keybase/public/alice\nkv.wasm' } as const;
const other = { area: 'kv', name: '/keybase/public/bob\nkv.wasm' } as const;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function row(text: string, more: { expiresAtMs?: number; meta?: Uint8Array } = {}): Row {
  const entry = { value: bytes(text), meta: more.meta, expiresAtMs: more.expiresAtMs };
  return { sequence: 7, writeId: 'x', entry };
}

describe('the mirror', () => {
  let directory: string;
  let file: MirrorFile;
  let reader: MirrorReader;
  let liveness: SharedArrayBuffer;
  let wallMs = 0;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'terrafirma-mirror-'));
    liveness = createLiveness(3);
    open(1024 * 1024);
  });

  afterEach(() => {
    reader.close();
    file.close();
    rmSync(directory, { recursive: true });
  });

  function open(bytesMax: number, staleReadsMs = 0): void {
    const where = path.join(directory, 'mirror.sqlite');
    file = new MirrorFile({ path: where, bytesMax, liveness });
    reader = new MirrorReader({
      ...{ path: where, liveness, places, staleReadsMs },
      nowMs: () => wallMs,
    });
  }

  function live(): void {
    for (const index of [0, 1, 2]) file.alive(index, 60_000);
  }

  /** What was put in this turn is there in the next. */
  const written = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('answers while the stream is alive, and only of the space that was asked for', async () => {
    file.put(places.of(space), bytes('key'), row('value'));
    await written();
    expect(reader.read(space, bytes('key'))).toBeUndefined();
    live();
    const entry = { value: bytes('value'), revision: 7 };
    expect(reader.read(space, bytes('key'))).toEqual({ entry });
    expect(reader.read(other, bytes('key'))).toBeUndefined();
    file.alive(places.of(space).streamIndex, 0);
    expect(reader.read(space, bytes('key'))).toBeUndefined();
  });

  test('tells what is absent, what has expired, and what was noted of a key', async () => {
    live();
    const place = places.of(space);
    file.put(place, bytes('gone'), { sequence: 3, entry: undefined, writeId: undefined });
    file.put(place, bytes('short'), row('v', { expiresAtMs: 1_000, meta: bytes('m') }));
    await written();
    expect(reader.read(space, bytes('gone'))).toEqual({ entry: undefined });
    const entry = { value: bytes('v'), revision: 7, meta: bytes('m'), expiresAtMs: 1_000 };
    expect(reader.read(space, bytes('short'))).toEqual({ entry });
    wallMs = 1_000;
    expect(reader.read(space, bytes('short'))).toEqual({ entry: undefined });
    wallMs = 0;
  });

  test('knows a key again by the subject of a notice, long ones too', async () => {
    live();
    const place = places.of(space);
    const long = new Uint8Array(2_000).fill(0x61);
    const token = bytes(subjectOf(place, long).slice(place.prefix.length));
    for (const key of [long, token, bytes('key')]) file.put(place, key, row('v'));
    await written();
    file.drop(subjectOf(place, long));
    file.drop(`${place.prefix}$`);
    await written();
    expect(reader.read(space, long)).toBeUndefined();
    // A short key of the same letters as the long one's name is another.
    expect(reader.read(space, token)).toBeDefined();
    file.drop(subjectOf(place, bytes('key')));
    await written();
    expect(reader.read(space, bytes('key'))).toBeUndefined();
  });

  test('is empty after a new connection, and dead until leaders have answered', async () => {
    live();
    file.put(places.of(space), bytes('key'), row('value'));
    await written();
    file.clear();
    expect(new Liveness(liveness).isAlive(1, machineMs())).toBe(false);
    live();
    expect(reader.read(space, bytes('key'))).toBeUndefined();
  });

  test('begins anew when its file is full', async () => {
    live();
    const big = 'x'.repeat(100_000);
    for (let n = 0; n < 40; n += 1) {
      file.put(places.of(space), bytes(`key ${n}`), row(big));
      await written();
    }
    expect(reader.read(space, bytes('key 0'))).toBeUndefined();
    file.put(places.of(space), bytes('small'), row('v'));
    await written();
    expect(reader.read(space, bytes('small'))).toMatchObject({ entry: { revision: 7 } });
  });

  test('may be read for longer where the operator allows it', async () => {
    reader.close();
    file.close();
    open(1024 * 1024, 60_000);
    file.put(places.of(space), bytes('key'), row('value'));
    await written();
    file.alive(places.of(space).streamIndex, 0);
    expect(reader.read(space, bytes('key'))).toMatchObject({ entry: { revision: 7 } });
  });
});
