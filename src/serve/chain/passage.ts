/** What a visitor's request has passed of its folder's middleware, and how far it may still go. */
import { SharedSeat } from '../../engine/supply/shared-seat.ts';
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
  /** Of all runs on its way, one inside the other. */
  readonly seat: SharedSeat;
  readonly #effort: Effort;
  /** Few: a set of texts would be made anew, and each text looked up, for every link. */
  readonly #passed: Place[];
  readonly #links: readonly string[];

  private constructor(
    effort: Effort,
    passed: Place[],
    outer?: { readonly seat: SharedSeat; readonly links: readonly string[] },
  ) {
    this.#effort = effort;
    this.#passed = passed;
    this.#links = outer?.links ?? [];
    this.isInner = outer !== undefined;
    this.seat = outer?.seat ?? new SharedSeat();
  }

  static begin(stepsMax: number): Passage {
    return new Passage({ stepsMax, stepsLeft: stepsMax }, []);
  }

  /**
   * Of a request for `target` that the link at `step` sends: it is behind that link there, too.
   *
   * @param isBeside Another that the link has sent is under way, and has the seat of the link.
   */
  behind(step: Place & Pick<Step, 'modulePath'>, target: string, isBeside: boolean): Passage {
    const seat = isBeside ? this.seat.beside() : this.seat;
    const links = [...this.#links, step.modulePath];
    const { rule, position } = step;
    const passed = [...this.#passed, { rule, position, target }];
    return new Passage(this.#effort, passed, { seat, links });
  }

  /** Whether a link of that module waits for this request. */
  isBehind(modulePath: string): boolean {
    return this.#links.includes(modulePath);
  }

  hasPassed({ rule, position, target }: Place): boolean {
    for (const each of this.#passed) {
      if (each.rule === rule && each.position === position && each.target === target) return true;
    }
    return false;
  }

  note(step: Place): void {
    this.#passed.push(step);
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
