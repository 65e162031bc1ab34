/**
 * Lets those who ask the same at the same time share one look. Whoever asks while a look is under
 * way gets the next one and not that: it may show what was before the question. So nobody is told
 * less than what was true when they asked, and a thousand visitors of one file cost two looks.
 */
interface Line<T> {
  /** Settles with the look that is under way, and never rejects. */
  end: Promise<void>;
  /** For those who came while that one was under way. */
  next: Promise<T> | undefined;
}

export class SharedLooks<T> {
  readonly #lines = new Map<string, Line<T>>();

  /** Keys of which a look is under way. */
  get size(): number {
    return this.#lines.size;
  }

  /**
   * What `look` finds after this call, whoever makes it: equal keys mean equal looks. A failure is
   * shared like anything else that was found.
   */
  ask(key: string, look: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(key);
    if (line === undefined) return this.#begin(key, look);
    line.next ??= line.end.then(() => this.#begin(key, look));
    return line.next;
  }

  #begin(key: string, look: () => Promise<T>): Promise<T> {
    const found = look();
    const finish = (): void => {
      if (line.next === undefined) this.#lines.delete(key);
    };
    const line: Line<T> = { end: found.then(finish, finish), next: undefined };
    this.#lines.set(key, line);
    return found;
  }
}
