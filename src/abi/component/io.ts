/** `wasi:io` 0.2: errors, streams and pollables. */
import { type ReadyItem, selectReady } from '../objects/ready.ts';
import { type HostInterface, prompt, waiting } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostResource } from './handles.ts';
import { ok, type Variant } from './results.ts';
import { blockingBytesMax, type InputStream, type IoError, type OutputStream } from './streams.ts';
import { ioError, ioPoll, ioStreams } from './wit/io.ts';

/** Something that a guest can wait for. */
export class Pollable extends HostResource {
  readonly #item: ReadyItem;
  readonly #onDrop: (() => void) | undefined;

  constructor(item: ReadyItem, onDrop?: () => void) {
    super();
    this.#item = item;
    this.#onDrop = onDrop;
  }

  get isReady(): boolean {
    return this.#item.isReady;
  }

  whenReady(): Promise<void> {
    return this.#item.whenReady();
  }

  override drop(): void {
    super.drop();
    this.#onDrop?.();
  }
}

/** Once it is ready: `act`; what was written so far leaves before the guest waits. */
function whenReady<T>(guest: ComponentGuest, item: ReadyItem, act: () => T): T | Promise<T> {
  if (item.isReady) return act();
  guest.run.beforeWait();
  return onceReady(item, act);
}

/** No async function, which takes 300 bytes more: nearly all are ready after the first wait. */
function onceReady<T>(item: ReadyItem, act: () => T): Promise<T> {
  return item.whenReady().then(() => {
    return item.isReady ? act() : waitUntilReady(item).then(act);
  });
}

async function waitUntilReady(item: ReadyItem): Promise<void> {
  while (!item.isReady) await item.whenReady();
}

function poll(guest: ComponentGuest, items: readonly Pollable[]): number[] | Promise<number[]> {
  if (items.length === 0) guest.trap('Cannot poll: at least one pollable: received none');
  const now = readyOf(items);
  if (now.length > 0) return now;
  guest.run.beforeWait();
  return selectReady(items).then(() => readyOf(items));
}

function readyOf(items: readonly Pollable[]): number[] {
  const ready: number[] = [];
  for (const [place, item] of items.entries()) if (item.isReady) ready.push(place);
  return ready;
}

function requirePermitted(guest: ComponentGuest, result: Variant | undefined): Variant {
  return result ?? guest.trap('Cannot write: no more than check-write permitted: received more');
}

/** Writes all of it, waiting for room as often as it takes. */
async function writeAll(output: OutputStream, bytes: Uint8Array): Promise<Variant> {
  for (let done = 0; done < bytes.length; ) {
    const written = output.writeSome(bytes.subarray(done));
    if (typeof written !== 'number') return written;
    done += written;
    if (done < bytes.length) await waitUntilReady(output);
  }
  return output.flush();
}

function writeAndFlush(
  guest: ComponentGuest,
  output: OutputStream,
  bytes: Uint8Array,
): Variant | Promise<Variant> {
  if (bytes.length > blockingBytesMax) {
    const rule = `at most ${blockingBytesMax} bytes in one call that waits`;
    guest.trap(`Cannot write: ${rule}: received ${bytes.length}`);
  }
  const written = output.writeSome(bytes);
  if (typeof written !== 'number') return written;
  if (written === bytes.length) return output.flush();
  guest.run.beforeWait();
  return waitUntilReady(output).then(() => writeAll(output, bytes.subarray(written)));
}

/** Takes from `input` no more than `output` has room for. */
function splice(output: OutputStream, input: InputStream, bytesMax: bigint): Variant {
  const permitted = output.checkWrite();
  if (permitted.tag !== 0) return permitted;
  const room = permitted.value as bigint;
  const bytes = input.take(bytesMax < room ? bytesMax : room);
  if (!(bytes instanceof Uint8Array)) return bytes;
  const written = output.writeSome(bytes);
  return typeof written === 'number' ? ok(BigInt(written)) : written;
}

function skip(input: InputStream, bytesMax: bigint): Variant {
  const bytes = input.take(bytesMax);
  return bytes instanceof Uint8Array ? ok(BigInt(bytes.length)) : bytes;
}

function zeroes(guest: ComponentGuest, length: bigint, bytesMax: number): Uint8Array {
  if (length <= bytesMax) return new Uint8Array(Number(length));
  return guest.trap(`Cannot write: at most ${bytesMax} bytes: received ${length}`);
}

/** More no stream permits at once. */
const zeroesMax = 1024 * 1024;

export const ioInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:io/error@0.2.0',
    text: ioError,
    functions: {
      '[method]error.to-debug-string': prompt(() => (error: IoError) => error.message),
    },
  },
  {
    name: 'wasi:io/poll@0.2.0',
    text: ioPoll,
    functions: {
      '[method]pollable.ready': prompt(() => (item: Pollable) => item.isReady),
      '[method]pollable.block': waiting(
        (guest) => (item: Pollable) => whenReady(guest, item, () => undefined),
      ),
      poll: waiting((guest) => (items: readonly Pollable[]) => poll(guest, items)),
    },
  },
  {
    name: 'wasi:io/streams@0.2.0',
    text: ioStreams,
    functions: {
      '[method]input-stream.read': prompt(
        () => (input: InputStream, length: bigint) => input.read(length),
      ),
      '[method]input-stream.blocking-read': waiting(
        (guest) => (input: InputStream, length: bigint) =>
          whenReady(guest, input, () => input.read(length)),
      ),
      '[method]input-stream.skip': prompt(
        () => (input: InputStream, length: bigint) => skip(input, length),
      ),
      '[method]input-stream.blocking-skip': waiting(
        (guest) => (input: InputStream, length: bigint) =>
          whenReady(guest, input, () => skip(input, length)),
      ),
      '[method]input-stream.subscribe': prompt(
        () => (input: InputStream) => input.adopt(new Pollable(input)),
      ),
      '[method]output-stream.check-write': prompt(
        () => (output: OutputStream) => output.checkWrite(),
      ),
      '[method]output-stream.write': prompt(
        (guest) => (output: OutputStream, bytes: Uint8Array) =>
          requirePermitted(guest, output.write(bytes)),
      ),
      '[method]output-stream.blocking-write-and-flush': waiting(
        (guest) => (output: OutputStream, bytes: Uint8Array) => writeAndFlush(guest, output, bytes),
      ),
      '[method]output-stream.flush': prompt(() => (output: OutputStream) => output.flush()),
      '[method]output-stream.blocking-flush': waiting((guest) => (output: OutputStream) => {
        const flushed = output.flush();
        return flushed.tag === 0 ? whenReady(guest, output, () => output.flush()) : flushed;
      }),
      '[method]output-stream.subscribe': prompt(
        () => (output: OutputStream) => output.adopt(new Pollable(output)),
      ),
      '[method]output-stream.write-zeroes': prompt(
        (guest) => (output: OutputStream, length: bigint) =>
          requirePermitted(guest, output.write(zeroes(guest, length, zeroesMax))),
      ),
      '[method]output-stream.blocking-write-zeroes-and-flush': waiting(
        (guest) => (output: OutputStream, length: bigint) =>
          writeAndFlush(guest, output, zeroes(guest, length, blockingBytesMax)),
      ),
      '[method]output-stream.splice': prompt(
        () => (output: OutputStream, input: InputStream, length: bigint) =>
          splice(output, input, length),
      ),
      '[method]output-stream.blocking-splice': waiting(
        (guest) => (output: OutputStream, input: InputStream, length: bigint) =>
          whenReady(guest, output, () =>
            whenReady(guest, input, () => splice(output, input, length)),
          ),
      ),
    },
  },
];
