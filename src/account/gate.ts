/**
 * Lets a few through at a time, by owner in turn: an owner with a hundred folders waits for as many
 * turns as one with a single folder. Within an owner first come, first served.
 */
import type { OwnerKey } from '../names.ts';

export interface GateLimits {
  readonly passesMax: number;
  readonly passesPerOwnerMax: number;
}

/** A gate as one owner sees it. */
export interface OwnerGate {
  pass<T>(action: () => Promise<T>): Promise<T>;
  /** Resolves when it is let through; disposing of the answer lets the next one through. */
  enter(): Promise<Disposable>;
}

interface OwnerLine {
  passing: number;
  readonly waiting: (() => void)[];
}

export class Gate {
  readonly #limits: GateLimits;
  /** The owner who has waited longest comes first. */
  readonly #lines = new Map<OwnerKey, OwnerLine>();
  #passing = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  forOwner(owner: OwnerKey): OwnerGate {
    return {
      pass: (action) => this.#pass(owner, action),
      enter: () => this.#enter(owner),
    };
  }

  async #pass<T>(owner: OwnerKey, action: () => Promise<T>): Promise<T> {
    using _ = await this.#enter(owner);
    return await action();
  }

  async #enter(owner: OwnerKey): Promise<Disposable> {
    await new Promise<void>((resolve) => {
      this.#lineOf(owner).waiting.push(resolve);
      this.#letThrough();
    });
    return { [Symbol.dispose]: () => this.#leave(owner) };
  }

  #leave(owner: OwnerKey): void {
    this.#passing -= 1;
    this.#lineOf(owner).passing -= 1;
    this.#letThrough();
    this.#forgetEmpty(owner);
  }

  #lineOf(owner: OwnerKey): OwnerLine {
    const known = this.#lines.get(owner);
    if (known !== undefined) return known;
    const line = { passing: 0, waiting: [] };
    this.#lines.set(owner, line);
    return line;
  }

  #letThrough(): void {
    const { passesMax, passesPerOwnerMax } = this.#limits;
    // An owner who was let through comes once more, after all the others.
    for (const [owner, line] of this.#lines) {
      if (this.#passing >= passesMax) return;
      if (line.passing >= passesPerOwnerMax) continue;
      const next = line.waiting.shift();
      if (next === undefined) continue;
      this.#passing += 1;
      line.passing += 1;
      // To the end of the line.
      this.#lines.delete(owner);
      this.#lines.set(owner, line);
      next();
    }
  }

  #forgetEmpty(owner: OwnerKey): void {
    const line = this.#lines.get(owner);
    if (line?.passing === 0 && line.waiting.length === 0) this.#lines.delete(owner);
  }
}
