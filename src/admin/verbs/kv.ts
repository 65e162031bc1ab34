/**
 * `/v1/kv`: what modules have stored, read and changed by an operator. `{module}` is a module's
 * path for its own store, `files:` and the path for its `/data`, `store:` and a name for a store
 * that modules of the folder share. Keys are base64url.
 */
import { createHash } from 'node:crypto';
import { TerrafirmaError } from '../../errors.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import { type Entry, type Space, StoreError, type Write } from '../../outside/store/contract.ts';
import { filesSpace, moduleSpace, namedSpace } from '../../outside/store/spaces.ts';
import {
  type AdminReply,
  type AdminRequest,
  countOf,
  json,
  notThere,
  type Route,
  refuse,
  rowsMax,
} from '../request.ts';
import type { AdminWorld } from '../world.ts';

type KvWorld = Pick<AdminWorld, 'journal' | 'nowMs' | 'store'>;

const wait = { deadlineMs: 10_000 };
const listedFallback = 100;

export function kvRoutes(world: KvWorld): readonly Route[] {
  const entry = '/v1/kv/{}/{}/{}';
  return [
    {
      method: 'GET',
      path: '/v1/kv/{}/{}',
      answer: (request) => told(async () => json(await listKeys(world, request))),
    },
    { method: 'GET', path: entry, answer: (request) => told(() => readKey(world, request)) },
    {
      method: 'PUT',
      path: entry,
      takesBytes: true,
      answer: (request) => told(() => writeKey(world, request, { op: 'put', value: request.body })),
    },
    {
      method: 'DELETE',
      path: entry,
      answer: (request) => told(() => writeKey(world, request, { op: 'delete' })),
    },
  ];
}

export function spaceOf(folder: string, module: string): Space {
  const folderKey = folder as FolderKey;
  const [, kind, name = ''] = /^(files|store):(.+)$/s.exec(module) ?? [];
  if (kind === 'store') return namedSpace(folderKey, name);
  if (kind === 'files') return filesSpace(folderKey, name as ModulePath);
  return moduleSpace(folderKey, module as ModulePath);
}

async function listKeys(
  { store }: KvWorld,
  request: AdminRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const [folder = '', module = ''] = request.params;
  const limit = countOf(request, 'limit', { fallback: listedFallback, min: 1, max: rowsMax });
  const prefix = readKeyText(request.query.get('prefix') ?? '');
  const cursor = request.query.get('cursor');
  const page = await store.list(spaceOf(folder, module), {
    prefix,
    limit,
    ...(cursor === null ? {} : { after: readKeyText(cursor) }),
  });
  const last = page.items.at(-1);
  return {
    keys: page.items.map(({ bytes, key, revision }) => ({ key: encode(key), bytes, revision })),
    cursor: page.isLast || last === undefined ? null : encode(last.key),
  };
}

async function readKey({ store }: KvWorld, request: AdminRequest): Promise<AdminReply> {
  const [folder = '', module = '', keyText = ''] = request.params;
  const key = readKeyText(keyText);
  const [entry] = await store.read(spaceOf(folder, module), [key]);
  if (entry === undefined) return notThere('key', keyText);
  const headers = { etag: etagOf(entry), 'x-revision': String(entry.revision) };
  return { kind: 'bytes', mediaType: 'application/octet-stream', bytes: entry.value, headers };
}

/** With a condition, nothing of a guest's comes between the look and the write. */
async function writeKey(
  { journal, nowMs, store }: KvWorld,
  request: AdminRequest,
  change: Pick<Write, 'op'> & { readonly value?: Uint8Array },
): Promise<AdminReply> {
  const [folder = '', module = '', keyText = ''] = request.params;
  const space = spaceOf(folder, module);
  const key = readKeyText(keyText);
  const [entry] = await store.read(space, [key], { fresh: true });
  checkConditions(request, entry);
  const hasCondition =
    request.headers['if-match'] !== undefined || request.headers['if-none-match'] !== undefined;
  if (change.op === 'delete' && entry === undefined) return notThere('key', keyText);
  const endsAtMs = change.op === 'put' ? entry?.expiresAtMs : undefined;
  const write: Write = {
    ...{ key, ...change },
    // What a guest keeps beside the value, and when it ends, stays.
    ...(entry?.meta === undefined ? {} : { meta: entry.meta }),
    ...(endsAtMs === undefined ? {} : { ttlMs: Math.max(1, endsAtMs - nowMs()) }),
    ...(hasCondition ? { ifRevision: entry?.revision ?? 0 } : {}),
  };
  const result = await store.commit(space, [write], wait);
  if (result.kind === 'conflict') throw changedMeanwhile();
  const target = `${folder}/${module} ${keyText}`;
  journal.tell('operator-action', { action: `kv-${change.op}`, target, actor: request.actor });
  return json({ folder, module, key: keyText, revision: result.revisions[0] ?? 0 });
}

/** @throws TerrafirmaError `precondition`. */
function checkConditions({ headers }: AdminRequest, entry: Entry | undefined): void {
  const match = headers['if-match'];
  if (match !== undefined && (entry === undefined || match !== etagOf(entry))) {
    throw changedMeanwhile();
  }
  const none = headers['if-none-match'];
  if (none === undefined) return;
  if (none !== '*') refuse('"if-none-match" must be *', none);
  if (entry !== undefined) throw changedMeanwhile();
}

function changedMeanwhile(): TerrafirmaError {
  return new TerrafirmaError('precondition');
}

function etagOf({ value }: Entry): string {
  return `"${createHash('sha256').update(value).digest('hex')}"`;
}

/** @throws TerrafirmaError `admin-request`. */
function readKeyText(text: string): Uint8Array {
  if (/^[A-Za-z0-9_-]*$/.test(text)) return Buffer.from(text, 'base64url');
  return refuse('keys must be base64url', text);
}

function encode(key: Uint8Array): string {
  return Buffer.from(key).toString('base64url');
}

/** The store's own failures, in the words of the admin listener. */
async function told(work: () => Promise<AdminReply>): Promise<AdminReply> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const isRefused = error.kind === 'limit' || error.kind === 'input' || error.kind === 'full';
    const code = isRefused ? 'admin-request' : 'admin-busy';
    throw new TerrafirmaError(code, error.message, { cause: error });
  }
}
