/**
 * The header block with which a program has answered last, and what it means: nearly all programs
 * begin every answer with the same bytes. One of these belongs to one instance, which sites may
 * share: what it keeps is used only where the same bytes are written again.
 */
import type { CgiHead } from './head.ts';

/** Longer blocks are read anew each time. */
export const knownHeadBytesMax = 512;

export class KnownHead {
  #bytes: Uint8Array | undefined;
  #head: CgiHead | undefined;

  /** What `bytes` begin with; undefined where that is not what was kept. */
  find(bytes: Uint8Array): { readonly head: CgiHead; readonly length: number } | undefined {
    const known = this.#bytes;
    const head = this.#head;
    if (known === undefined || head === undefined || bytes.length < known.length) return undefined;
    for (let at = 0; at < known.length; at += 1) if (bytes[at] !== known[at]) return undefined;
    return { head, length: known.length };
  }

  /** A copy of a whole block, unless it holds what may be one visitor's alone. */
  keep(bytes: Uint8Array, head: CgiHead): void {
    if (bytes.length > knownHeadBytesMax || head.kind !== 'reply') return;
    if (head.head.headers.some(([name]) => name === 'set-cookie')) return;
    this.#bytes = Uint8Array.from(bytes);
    this.#head = head;
  }
}
