/** What a visitor's request has passed of its folder's middleware, and how far it may still go. */
import { TerrafirmaError } from '../../errors.ts';

/** One link before one path and query: a link may decide by either. */
export interface Place {
  readonly rule: number;
  readonly position: number;
  readonly target: string;
}

export interface Step extends Place {
  readonly modulePath: string;
  /** The decoded path, as the link sees it. */
  readonly pathInfo: string;
}

/** What all requests have in common that one of a visitor's has led to. */
interface Effort {
  /** Runs of links, and requests that links send behind them. */
  readonly stepsMax: number;
  stepsLeft: number;
}

export class Passage {
  /** Sent by a link: whoever answers it answers to that. */
  readonly isInner: boolean;
  readonly #effort: Effort;
  readonly #passed: Set<string>;

  private constructor(effort: Effort, passed: Set<string>, isInner: boolean) {
    this.#effort = effort;
    this.#passed = passed;
    this.isInner = isInner;
  }

  static begin(stepsMax: number): Passage {
    return new Passage({ stepsMax, stepsLeft: stepsMax }, new Set(), false);
  }

  /** Of a request for `target` that the link at `step` sends: it is behind that link there, too. */
  behind(step: Place, target: string): Passage {
    const inner = new Passage(this.#effort, new Set(this.#passed), true);
    inner.note({ ...step, target });
    return inner;
  }

  hasPassed(step: Place): boolean {
    return this.#passed.has(keyOf(step));
  }

  note(step: Place): void {
    this.#passed.add(keyOf(step));
  }

  /** @throws TerrafirmaError `loop` */
  spend(): void {
    this.#effort.stepsLeft -= 1;
    if (this.#effort.stepsLeft >= 0) return;
    throw new TerrafirmaError(
      'loop',
      `Cannot answer: middleware may take ${this.#effort.stepsMax} steps for a request: ` +
        'received one more; ' +
        'look for links that send requests to each other',
    );
  }
}

function keyOf({ rule, position, target }: Place): string {
  return `${rule}.${position} ${target}`;
}
