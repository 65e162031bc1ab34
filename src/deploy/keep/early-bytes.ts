/**
 * The bytes of modules that are still tried: written beside their place meanwhile, so that to keep
 * them takes one renaming. They are no versions, and nothing counts them: a few at a time, each no
 * larger than a module, and gone when its trial is over. Leftovers are swept at the next start.
 */
import { type PreparedFile, prepareDurably } from '../../outside/state/durable.ts';
import type { Digest } from '../../threads/messages.ts';

/** What is disposed of where nothing was written. */
export const nothingEarly: AsyncDisposable = { [Symbol.asyncDispose]: async () => undefined };

export class EarlyBytes {
  readonly #files = new Map<Digest, PreparedFile>();

  /** Begins to write; `path` is their place. Dispose of the answer when the trial is over. */
  begin(digest: Digest, { path, bytes }: { readonly path: string; readonly bytes: Uint8Array }) {
    // Somebody else has the same module tried.
    if (this.#files.has(digest)) return nothingEarly;
    const file = prepareDurably(path, bytes);
    this.#files.set(digest, file);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#files.delete(digest);
        await file[Symbol.asyncDispose]();
      },
    };
  }

  /** Whether they are at their place now, for good; false: they are still to be written there. */
  async place(digest: Digest): Promise<boolean> {
    return (await this.#files.get(digest)?.place()) === true;
  }
}
