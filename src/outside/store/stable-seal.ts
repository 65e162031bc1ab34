/**
 * Seals whole files that lie among the blobs, so that nobody reads them who has the engine alone.
 * Equal bytes seal to equal bytes, so that nodes that have the same file find the same digest: the
 * nonce is made of the key and the bytes (as in RFC 5297), not drawn. All that this tells is that
 * two files are equal.
 */
import { createHmac } from 'node:crypto';
import { nonceBytes, openWith, sealWith } from './sealing-store.ts';

/** Keeps what is made with a key here apart from all else that is. */
const purpose = 'terrafirma stable seal\0';

export class StableSeal {
  readonly #keys: readonly Buffer[];

  /** @param keys The first seals, all of them open. See `readSealKeys`. */
  constructor(keys: readonly Buffer[]) {
    this.#keys = keys;
  }

  /** @param place What the file is for: it opens for that alone. */
  seal(bytes: Uint8Array, place: string): Uint8Array {
    const [key] = this.#keys;
    if (key === undefined) throw new RangeError('Cannot seal a file: there must be a key');
    const bound = boundTo(place);
    const nonce = createHmac('sha256', key).update(bound).update(bytes).digest();
    return sealWith({ key, nonce: nonce.subarray(0, nonceBytes) }, bytes, bound);
  }

  /** Undefined: another key sealed it, or for another place, or somebody changed it. */
  open(sealed: Uint8Array, place: string): Uint8Array | undefined {
    for (const key of this.#keys) {
      const opened = openWith(key, sealed, boundTo(place));
      if (opened !== undefined) return opened;
    }
    return undefined;
  }
}

/** Of one length or with an end of its own: no part of it can be taken for bytes of the file. */
function boundTo(place: string): Buffer {
  return Buffer.from(`${purpose}${place.length}\0${place}\0`);
}
