/** What a guest does with key-value stores, in few words, over a real store. */
import type { FolderKey, ModulePath } from '../../../../src/names.ts';
import { noSettings } from '../../../../src/site/settings.ts';
import type { KeyValueBench } from '../../../capability/kv/client-bench.ts';
import { World } from '../../../support/abi-world.ts';
import {
  createFastlyPuppet,
  type FastlyPuppet,
  type FastlyPuppetOptions,
} from '../../../support/fastly-puppet.ts';

export const KV = 'fastly_kv_store';
/** Where structures and results lie. */
export const CFG = 2_048;
export const OUT = 40_000;

export async function openStore(
  bench: KeyValueBench,
  options: Pick<FastlyPuppetOptions, 'limits' | 'body'> & { readonly folder?: string } = {},
): Promise<{ puppet: FastlyPuppet; store: number }> {
  const client = bench.openClient(bench.openWriter(options.limits), options.limits);
  const keyValue = client.forRun({
    folderKey: (options.folder ?? '/keybase/public/alice') as FolderKey,
    modulePath: 'app.wasm' as ModulePath,
    siteSettings: { ...noSettings, keyValueStores: ['notes', 'more'] },
  });
  const world = Object.assign(new World(), { keyValue });
  const puppet = await createFastlyPuppet({ world, ...options });
  return { puppet, store: await puppet.number(`${KV}.open`, 'notes') };
}

interface Insert {
  readonly mode?: number;
  readonly metadata?: string;
  readonly seconds?: number;
  readonly generation?: bigint;
}

export async function startInsert(
  puppet: FastlyPuppet,
  store: number,
  { key, value, ...more }: { readonly key: string; readonly value: string } & Insert,
): Promise<number> {
  const { mode = 0, metadata, seconds, generation } = more;
  let mask = 0;
  puppet.bytes.fill(0xaa, CFG, CFG + 32);
  puppet.bytes.writeUInt32LE(mode, CFG);
  if (metadata !== undefined) {
    mask |= 8;
    const length = puppet.bytes.write(metadata, CFG + 64);
    puppet.bytes.writeUInt32LE(CFG + 64, CFG + 8);
    puppet.bytes.writeUInt32LE(length, CFG + 12);
  }
  if (seconds !== undefined) {
    mask |= 16;
    puppet.bytes.writeUInt32LE(seconds, CFG + 16);
  }
  if (generation !== undefined) {
    mask |= 32;
    puppet.bytes.writeBigUInt64LE(generation, CFG + 24);
  }
  const body = await puppet.body(value);
  return puppet.number(`${KV}.insert`, store, key, body, mask, CFG);
}

export async function insert(
  puppet: FastlyPuppet,
  store: number,
  key: string,
  value: string,
  more: Insert = {},
): Promise<number> {
  const pending = await startInsert(puppet, store, { key, value, ...more });
  return puppet.number(`${KV}.insert_wait`, pending);
}

export async function lookup(puppet: FastlyPuppet, store: number, key: string) {
  const pending = await puppet.number(`${KV}.lookup`, store, key, 0, CFG);
  const status = await puppet.call(
    `${KV}.lookup_wait_v2`,
    ...[pending, OUT, OUT + 64, 2_000, OUT + 8, OUT + 16, OUT + 24],
  );
  const error = puppet.u32(OUT + 24);
  if (status !== 0 || error !== 1) return { status, error };
  const meta = utf8(puppet.text(OUT + 64, puppet.u32(OUT + 8)));
  const generation = puppet.bytes.readBigUInt64LE(OUT + 16);
  return { status, error, meta, generation, value: await readAll(puppet, puppet.u32(OUT)) };
}

export async function readAll(puppet: FastlyPuppet, body: number): Promise<string> {
  let text = '';
  for (;;) {
    const piece = await puppet.read(body);
    if (piece === '') return text;
    text += piece;
  }
}

export async function remove(puppet: FastlyPuppet, store: number, key: string): Promise<number> {
  const pending = await puppet.number(`${KV}.delete`, store, key, 0, CFG);
  return puppet.number(`${KV}.delete_wait`, pending);
}

interface List {
  readonly mode?: number;
  readonly cursor?: string;
  readonly limit?: number;
  readonly prefix?: string;
}

export async function list(
  puppet: FastlyPuppet,
  store: number,
  { mode = 0, cursor, limit, prefix }: List = {},
) {
  let mask = 0;
  puppet.bytes.fill(0xaa, CFG, CFG + 24);
  puppet.bytes.writeUInt32LE(mode, CFG);
  const put = (text: string, at: number, field: number): void => {
    const length = puppet.bytes.write(text, at);
    puppet.bytes.writeUInt32LE(at, CFG + field);
    puppet.bytes.writeUInt32LE(length, CFG + field + 4);
  };
  if (cursor !== undefined) {
    mask |= 2;
    put(cursor, CFG + 100, 4);
  }
  if (limit !== undefined) {
    mask |= 4;
    puppet.bytes.writeUInt32LE(limit, CFG + 12);
  }
  if (prefix !== undefined) {
    mask |= 8;
    put(prefix, CFG + 400, 16);
  }
  const pending = await puppet.number(`${KV}.list`, store, mask, CFG);
  const status = await puppet.call(`${KV}.list_wait`, pending, OUT, OUT + 4);
  const error = puppet.u32(OUT + 4);
  if (status !== 0 || error !== 1) return { status, error };
  return { status, error, ...JSON.parse(utf8(await readAll(puppet, puppet.u32(OUT)))) };
}

/** Puppets give one character a byte. */
export function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
