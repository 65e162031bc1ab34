/** A reply without its gzip, piece by piece. Edge: zlib, whose work is done beside the thread. */
import { once } from 'node:events';
import { createGunzip, type Gunzip } from 'node:zlib';
import { firstField } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';
import type { ReplyBody, StreamedReply } from './contract.ts';

/** Both names of the one coding (RFC 9110, section 8.4.1.3). */
const gzipNames: ReadonlySet<string> = new Set(['gzip', 'x-gzip']);
/** What told of the coding, or of the length that it had. */
const codedFields: ReadonlySet<string> = new Set(['content-encoding', 'content-length']);
/** So much is decoded ahead of the reader, and a kilobyte may hold a megabyte: not all of it. */
const aheadBytesMax = 64 * 1024;

/** The reply as it was before it was coded; as it is where that is not by gzip alone. */
export function withoutGzip(reply: StreamedReply): StreamedReply {
  const coding = firstField(reply.headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (!gzipNames.has(coding)) return reply;
  const headers = reply.headers.filter(([name]) => !codedFields.has(name));
  return { ...reply, headers, body: new GunzippedBody(reply.body) };
}

class GunzippedBody implements ReplyBody {
  readonly knownBytes = undefined;
  readonly #source: ReplyBody;
  readonly #decoder: Gunzip;
  readonly #pieces: AsyncIterator<Uint8Array>;
  #hasBegun = false;
  #isOver = false;

  constructor(source: ReplyBody) {
    this.#source = source;
    this.#decoder = createGunzip({ chunkSize: aheadBytesMax });
    this.#pieces = this.#decoder[Symbol.asyncIterator]();
  }

  get trailers(): readonly Header[] {
    return this.#isOver ? this.#source.trailers : [];
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    if (!this.#hasBegun && !(await this.#begin())) return undefined;
    try {
      const { done, value } = await this.#pieces.next();
      if (done !== true) return value;
    } catch (error) {
      // It may wait for more from a server that has no reason to say more, or to hang up.
      this.cancel();
      throw error;
    }
    this.#isOver = true;
    return undefined;
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source.cancel();
    this.#decoder.destroy();
  }

  /** False where there is nothing at all, as after HEAD: that is no broken gzip. */
  async #begin(): Promise<boolean> {
    const first = await this.#source.read();
    this.#hasBegun = true;
    if (first === undefined) {
      this.#isOver = true;
      this.#decoder.destroy();
      return false;
    }
    void this.#feed(first);
    return true;
  }

  /** Never rejects: what breaks the source off breaks this off. */
  async #feed(first: Uint8Array): Promise<void> {
    try {
      let piece: Uint8Array | undefined = first;
      while (piece !== undefined) {
        if (!this.#decoder.write(piece)) await once(this.#decoder, 'drain');
        piece = await this.#source.read();
      }
      this.#decoder.end();
    } catch (error) {
      this.#source.cancel();
      this.#decoder.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
