/**
 * Request bodies that are still arriving, counted by client: somebody who sends hundreds of them
 * byte by byte must not hold what others need.
 */
import { TerrafirmaError } from '../../errors.ts';

/** What is arriving; `isBodyReceived` tells when it has. */
export interface Arriving {
  readonly isBodyReceived: boolean;
}

export class Bodies {
  readonly #perClientMax: number;
  readonly #byClient = new Map<string, Set<Arriving>>();

  constructor(perClientMax: number) {
    this.#perClientMax = perClientMax;
  }

  /**
   * Counts a body from now on, until `end` or until it has arrived.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  begin(client: string, body: Arriving): void {
    let bodies = this.#byClient.get(client);
    if (bodies === undefined) {
      bodies = new Set();
      this.#byClient.set(client, bodies);
    }
    if (bodies.size >= this.#perClientMax) forgetReceived(bodies);
    if (bodies.size >= this.#perClientMax) {
      const rule = `one client may send ${this.#perClientMax} bodies at once`;
      throw new TerrafirmaError('overloaded', `Cannot answer now: ${rule}: received one more`);
    }
    bodies.add(body);
  }

  end(client: string, body: Arriving): void {
    const bodies = this.#byClient.get(client);
    if (bodies?.delete(body) === true && bodies.size === 0) this.#byClient.delete(client);
  }
}

/** Nobody tells when a body has arrived that a program reads by itself: it is looked at. */
function forgetReceived(bodies: Set<Arriving>): void {
  for (const body of bodies) if (body.isBodyReceived) bodies.delete(body);
}
