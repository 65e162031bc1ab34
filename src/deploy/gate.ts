/** Lets a few through at a time, first come first served. */
export class Gate {
  readonly #passesMax: number;
  #passing = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(passesMax: number) {
    this.#passesMax = passesMax;
  }

  async pass<T>(action: () => Promise<T>): Promise<T> {
    if (this.#passing >= this.#passesMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#passing += 1;
    }
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#passing -= 1;
      else next();
    }
  }
}
