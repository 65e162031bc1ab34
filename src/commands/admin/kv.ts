/** `terrafirma kv`: what modules have stored, read and changed by an operator. */
import { statSync } from 'node:fs';
import { spaceOf } from '../../admin/verbs/kv.ts';
import { counted } from '../../amounts.ts';
import { loadConfig } from '../../config/load.ts';
import { openStoreOf } from '../../deploy/keep/pins.ts';
import { TerrafirmaError } from '../../errors.ts';
import { lockState } from '../../outside/state/lock.ts';
import type { SharedStore } from '../../outside/store/contract.ts';
import type { Arguments, Command, CommandIo, ExitCode } from '../command.ts';
import { printable } from '../printable.ts';
import type { Connection } from './connection.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';
import { type Subject, splitByName, splitSubject } from './subject.ts';

const actions = ['list', 'get', 'put', 'delete', 'export', 'import'] as const;
type Action = (typeof actions)[number];

const listedAtOnce = 500;
const wait = { deadlineMs: 10_000 };
const noPrefix = new Uint8Array(0);

export const kv: Command = {
  name: 'kv',
  summary: 'List, read and change what a module has stored',
  positionals: [
    { name: 'action', isRequired: true, summary: `One of ${actions.join(', ')}` },
    {
      name: 'folder/module',
      isRequired: true,
      summary: 'Such as /keybase/public/you/visits.wasm; …/store:NAME for a shared store',
    },
    { name: 'key', isRequired: false, summary: 'Of get, put, delete; text, or base64:…' },
    { name: 'value', isRequired: false, summary: 'Of put; left out: the standard input' },
  ],
  flags: [
    ...adminFlags,
    { name: 'prefix', placeholder: 'text', summary: 'List or export only keys that begin so' },
    { name: 'json', summary: 'Print JSON' },
  ],
  readsConfig: true,
  settings: adminSettings,
  notes: [
    'export writes a line of JSON an entry, import reads such lines. Without a daemon it takes ' +
      'the lock of the state directory (--state) and does it itself.',
    adminNote,
  ],
  async run(given, io) {
    const [action = '', subject = '', key, value] = given.positionals;
    if (!actions.some((each) => each === action)) {
      const detail = `Cannot run kv: it must be one of ${actions.join(', ')}: received "${action}"`;
      throw new TerrafirmaError('usage', detail);
    }
    const entries = await openEntries(given, io, subject);
    try {
      return await act(action as Action, { entries, given, io, key, value });
    } finally {
      await entries.close();
    }
  },
};

interface Entries {
  list(prefix: Uint8Array): AsyncIterable<{ readonly key: Uint8Array; readonly bytes: number }>;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
  /** False: there was none. */
  delete(key: Uint8Array): Promise<boolean>;
  close(): Promise<void>;
}

function requireModule({ folder, module }: Subject, text: string): StoreOf {
  if (module !== undefined) return { folder, module };
  const rule =
    'it takes a folder and a module of it, such as /keybase/public/you/visits.wasm, or a store, ' +
    'such as /keybase/public/you/store:notes; a host name in place of the folder is ' +
    'known from its first visitor on';
  throw new TerrafirmaError('usage', `Cannot run kv: ${rule}: received "${text}"`);
}

interface StoreOf {
  readonly folder: string;
  readonly module: string;
}

async function act(
  action: Action,
  on: {
    readonly entries: Entries;
    readonly given: Arguments;
    readonly io: CommandIo;
    readonly key: string | undefined;
    readonly value: string | undefined;
  },
): Promise<ExitCode> {
  const { entries, given, io } = on;
  if (action === 'list' || action === 'export') {
    const prefix = readKey(given.value('prefix') ?? '');
    for await (const { bytes, key } of entries.list(prefix)) {
      if (action === 'list') io.write(listedLine(key, bytes, given.has('json')));
      else io.write(exportedLine(key, (await entries.get(key)) ?? noPrefix));
    }
    return 0;
  }
  if (action === 'import') return importLines(entries, io);
  if (on.key === undefined) {
    throw new TerrafirmaError('usage', `Cannot run kv ${action}: a key must be given`);
  }
  const key = readKey(on.key);
  if (action === 'get') {
    const value = await entries.get(key);
    if (value === undefined) return notThere(on.key, io);
    io.write(value);
    return 0;
  }
  if (action === 'delete') return (await entries.delete(key)) ? 0 : notThere(on.key, io);
  const value = on.value === undefined ? await io.readInput() : Buffer.from(on.value);
  await entries.put(key, value);
  return 0;
}

function notThere(key: string, io: CommandIo): ExitCode {
  io.report(`There is no key ${printable(key)}`);
  return 1;
}

async function importLines(entries: Entries, io: CommandIo): Promise<ExitCode> {
  const lines = Buffer.from(await io.readInput())
    .toString()
    .split('\n');
  let count = 0;
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const { key, value } = readExported(line, at + 1);
    await entries.put(key, value);
    count += 1;
  }
  io.report(`${counted(count, 'key')} stored`);
  return 0;
}

function readExported(line: string, number: number): { key: Uint8Array; value: Uint8Array } {
  try {
    const { key, value } = JSON.parse(line) as Record<string, unknown>;
    if (typeof key === 'string' && typeof value === 'string') {
      return { key: Buffer.from(key, 'base64url'), value: Buffer.from(value, 'base64') };
    }
  } catch {
    // Told below, with its number.
  }
  const rule = 'each line must be one that export writes';
  throw new TerrafirmaError('usage', `Cannot import: ${rule}: received another in line ${number}`);
}

function exportedLine(key: Uint8Array, value: Uint8Array): string {
  const exported = { key: encode(key), value: Buffer.from(value).toString('base64') };
  return `${JSON.stringify(exported)}\n`;
}

function listedLine(key: Uint8Array, bytes: number, isJson: boolean): string {
  const text = showKey(key);
  return isJson ? `${JSON.stringify({ key: text, bytes })}\n` : `${text}\t${bytes}\n`;
}

/** As `readKey` reads it again. */
function showKey(key: Uint8Array): string {
  const text = Buffer.from(key).toString();
  const isText = Buffer.from(text).equals(key) && printable(text) === text;
  return isText && !text.startsWith('base64:')
    ? text
    : `base64:${Buffer.from(key).toString('base64')}`;
}

function readKey(text: string): Uint8Array {
  return text.startsWith('base64:') ? Buffer.from(text.slice(7), 'base64') : Buffer.from(text);
}

function encode(key: Uint8Array): string {
  return Buffer.from(key).toString('base64url');
}

/** By the daemon that runs; where none does, by ourselves. */
async function openEntries(given: Arguments, io: CommandIo, subject: string): Promise<Entries> {
  try {
    const daemon = await findDaemon(given, io);
    const subjectOf = () => splitSubject(subject, daemon, io.machine.workingDirectory);
    return entriesOfDaemon(daemon, requireModule(await subjectOf(), subject));
  } catch (error) {
    const isAway = error instanceof TerrafirmaError && error.code === 'unreachable';
    if (!isAway || given.value('admin') !== undefined) throw error;
    return openOwnEntries(given, io, requireModule(splitByName(subject), subject));
  }
}

function entriesOfDaemon(daemon: Connection, { folder, module }: StoreOf): Entries {
  const path = `/v1/kv/${encodeURIComponent(folder)}/${encodeURIComponent(module)}`;
  const isMissing = (error: unknown): boolean =>
    error instanceof TerrafirmaError && error.message.includes('there must be such a key');
  return {
    async *list(prefix) {
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = new URLSearchParams({ prefix: encode(prefix), limit: String(listedAtOnce) });
        if (cursor !== '') query.set('cursor', cursor);
        const page = await daemon.json(`${path}?${query}`);
        for (const { bytes, key } of page.keys as { bytes: number; key: string }[]) {
          yield { key: Buffer.from(key, 'base64url'), bytes };
        }
        cursor = page.cursor as string | null;
      }
    },
    async get(key) {
      try {
        return (await daemon.ask(`${path}/${encode(key)}`)).bytes;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async put(key, value) {
      await daemon.ask(`${path}/${encode(key)}`, { method: 'PUT', body: value });
    },
    async delete(key) {
      try {
        await daemon.change('DELETE', `${path}/${encode(key)}`, {});
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    close: () => Promise.resolve(),
  };
}

function openOwnEntries(given: Arguments, io: CommandIo, { folder, module }: StoreOf): Entries {
  const { config } = loadConfig({
    flags: given.settings,
    machine: io.machine,
    configFile: given.configFile,
  });
  const { stateDirectory } = config;
  if (statSync(stateDirectory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const rule = 'no daemon runs, and the state directory must exist';
    throw new TerrafirmaError('state', `Cannot run kv: ${rule}: received ${stateDirectory}`);
  }
  const lock = lockState(stateDirectory);
  const store = openStoreOf(stateDirectory);
  const space = spaceOf(folder, module);
  return {
    list: (prefix) => listStored(store, space, prefix),
    get: async (key) => (await store.read(space, [key]))[0]?.value,
    put: async (key, value) => void (await store.commit(space, [{ key, op: 'put', value }], wait)),
    async delete(key) {
      const [entry] = await store.read(space, [key]);
      if (entry === undefined) return false;
      await store.commit(space, [{ key, op: 'delete' }], wait);
      return true;
    },
    async close() {
      await store.close();
      lock.release();
    },
  };
}

async function* listStored(
  store: SharedStore,
  space: ReturnType<typeof spaceOf>,
  prefix: Uint8Array,
): AsyncGenerator<{ readonly key: Uint8Array; readonly bytes: number }> {
  for (let after: Uint8Array | undefined; ; ) {
    const options = { prefix, limit: listedAtOnce };
    const page = await store.list(space, after === undefined ? options : { ...options, after });
    yield* page.items;
    after = page.items.at(-1)?.key;
    if (page.isLast) return;
  }
}
