/**
 * How the daemon is, for all who watch it: looked at once in two seconds however many watch, and
 * not at all while nobody does.
 */

const pulseMs = 2_000;

export class Pulse {
  readonly #look: () => Promise<unknown>;
  readonly #onTrouble: (error: unknown) => void;
  readonly #listeners = new Set<(text: string) => void>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #newest: string | undefined;

  /** @param look What is told, as JSON. */
  constructor(look: () => Promise<unknown>, onTrouble: (error: unknown) => void) {
    this.#look = look;
    this.#onTrouble = onTrouble;
  }

  /** Calls `listener` soon, and then again and again, until the returned function is called. */
  watch(listener: (text: string) => void): () => void {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => void this.#beat(), pulseMs);
      void this.#beat();
    } else if (this.#newest !== undefined) listener(this.#newest);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#newest = undefined;
  }

  async #beat(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const text = JSON.stringify(await this.#look());
      if (this.#timer === undefined) return;
      this.#newest = text;
      for (const listener of this.#listeners) listener(text);
    } catch (error) {
      this.#onTrouble(error);
    } finally {
      this.#isLooking = false;
    }
  }
}
