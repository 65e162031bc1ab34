/** `wasi:filesystem` 0.3: the same files as in 0.2, with streams in place of `wasi:io`. */
import type { ListedEntry } from '../../objects/files/node.ts';
import { type HostFunction, type HostInterface, prompt, waiting } from '../functions.ts';
import type { ComponentGuest } from '../guest.ts';
import { HostWork } from '../host-work.ts';
import { failed, ok, type Variant } from '../results.ts';
import { type ByteSink, noSource } from '../streams.ts';
import { HostFuture, HostItems, HostStream, type StreamSide } from '../tasks/host-sides.ts';
import { readAll, type ToldAs, writeAll } from '../told-streams.ts';
import { filesystemPreopens03, filesystemTypes03 } from '../wit/filesystem03.ts';
import { type FileAct, fileActs, isSame } from './acts.ts';
import {
  type Descriptor,
  holdEntries,
  preopenedDirectories,
  requireOffset,
  statOf,
  typeOf,
} from './descriptor.ts';
import { errorCode03, fileErrorOf03, streamErrorOf03, trying } from './error-code.ts';
import { FileSink, FileSource } from './streams.ts';

const told: ToldAs = { codeOf: streamErrorOf03, brokenPipe: errorCode03('pipe') };

/** The kinds of 0.2 in their order; but what is unknown, first there, is `other`, the last. */
function kind03(kind: number): Variant {
  return { tag: kind === 0 ? 7 : kind - 1, value: undefined };
}

function stat03([kind, ...rest]: ReturnType<typeof statOf>): readonly unknown[] {
  return [kind03(kind), ...rest];
}

function entry03({ filetype, name }: ListedEntry): readonly [Variant, string] {
  return [kind03(typeOf(filetype)), name];
}

/** What is begun ends by itself. */
function working<T>(done: Promise<T>): HostWork<T> {
  return new HostWork(done, () => undefined);
}

/** Methods which answer `result<…, error-code>` of what they give. */
function methods(acts: Readonly<Record<string, FileAct>>): Readonly<Record<string, HostFunction>> {
  return Object.fromEntries(
    Object.entries(acts).map(([name, act]) => {
      const call = (descriptor: Descriptor, ...args: never[]): HostWork<Variant> =>
        working(trying(() => act(descriptor, ...args), fileErrorOf03));
      return [`[method]descriptor.${name}`, waiting(() => call)];
    }),
  );
}

const ownActs: Readonly<Record<string, FileAct>> = {
  'get-type': ({ type }) => kind03(type),
  stat: async (descriptor) => stat03(statOf(await descriptor.facts())),
  'stat-at': async (descriptor, flags: number, path: string) =>
    stat03(statOf(await (await descriptor.nodeAt(flags, path)).facts())),
};

/** The bytes from there on, and how that went. */
function readFrom(
  guest: ComponentGuest,
  descriptor: Descriptor,
  offset: bigint,
): readonly [HostStream, HostFuture] {
  const { threads } = guest.tasks;
  try {
    return readAll(new FileSource(descriptor.readable, requireOffset(offset)), told, threads);
  } catch (error) {
    return [new HostStream(noSource, threads), settled(guest, failed(streamErrorOf03(error)))];
  }
}

/** How that went, once all is written. */
function writeFrom(guest: ComponentGuest, data: StreamSide, open: () => ByteSink): HostFuture {
  try {
    const writing = { sink: open(), result: new HostFuture(guest.tasks.threads), told };
    writeAll(data, writing);
    return writing.result;
  } catch (error) {
    data.closeReader();
    return settled(guest, failed(streamErrorOf03(error)));
  }
}

function settled(guest: ComponentGuest, value: Variant): HostFuture {
  const future = new HostFuture(guest.tasks.threads);
  future.settle(value);
  return future;
}

/** Its entries, and how that went. */
function readDirectory(
  guest: ComponentGuest,
  descriptor: Descriptor,
): readonly [HostItems, HostFuture] {
  const outside = guest.tasks.threads;
  const { held } = guest.run;
  const result = new HostFuture(outside);
  let letGo = (): void => undefined;
  const list = async (): Promise<readonly unknown[]> => {
    try {
      const entries = await descriptor.directory.list();
      letGo = holdEntries(entries, held);
      result.settle(ok());
      return entries.map(entry03);
    } catch (error) {
      result.settle(failed(streamErrorOf03(error)));
      return [];
    }
  };
  return [new HostItems(list(), { outside, onClose: () => letGo() }), result];
}

const streamMethods: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.read-via-stream': prompt(
    (guest) => (descriptor: Descriptor, offset: bigint) => readFrom(guest, descriptor, offset),
  ),
  '[method]descriptor.write-via-stream': prompt(
    (guest) => (descriptor: Descriptor, data: StreamSide, offset: bigint) =>
      writeFrom(guest, data, () => new FileSink(descriptor.writable, requireOffset(offset))),
  ),
  '[method]descriptor.append-via-stream': prompt(
    (guest) => (descriptor: Descriptor, data: StreamSide) =>
      writeFrom(guest, data, () => new FileSink(descriptor.writable, undefined)),
  ),
  '[method]descriptor.read-directory': prompt(
    (guest) => (descriptor: Descriptor) => readDirectory(guest, descriptor),
  ),
};

export const filesystem03Interfaces: readonly HostInterface[] = [
  {
    name: 'wasi:filesystem/types@0.3.0',
    text: filesystemTypes03,
    functions: {
      ...methods(fileActs),
      ...methods(ownActs),
      ...streamMethods,
      '[method]descriptor.is-same-object': waiting(
        () => (one: Descriptor, other: Descriptor) => working(isSame(one, other)),
      ),
    },
  },
  {
    name: 'wasi:filesystem/preopens@0.3.0',
    text: filesystemPreopens03,
    functions: { 'get-directories': prompt((guest) => () => preopenedDirectories(guest)) },
  },
];
