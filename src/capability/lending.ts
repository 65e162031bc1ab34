/**
 * The capabilities of one serving thread, and what each run borrows of them. On the hot path: most
 * guests use little of it, so nothing is made before it is asked for.
 */
import type { Capabilities } from './capability.ts';
import { type CapabilityName, type Catalogue, listedCapabilities } from './catalogue.ts';
import type { RunIdentity, ThreadWorld } from './definition.ts';

/** The thread's line to the control plane. */
export interface CapabilityLink {
  /** What `ControlSides.connectThread` gave, by name. */
  readonly starts: Readonly<Record<string, unknown>>;
  ask(question: CapabilityQuestion, key: string): Promise<unknown>;
}

export interface CapabilityQuestion {
  readonly capability: string;
  readonly question: unknown;
}

export interface CapabilityNews {
  readonly capability: string;
  readonly news: unknown;
}

type ThreadSide<Name extends CapabilityName> = ReturnType<Catalogue[Name]['openThread']>;

/** One a serving thread. */
export class ThreadCapabilities {
  readonly #sides: ReadonlyMap<string, unknown>;
  readonly #listeners = new Map<string, (news: unknown) => void>();
  readonly #Lent: new (
    run: RunIdentity,
  ) => object;

  constructor(world: ThreadWorld, link: CapabilityLink) {
    this.#sides = new Map(
      listedCapabilities.map(([name, definition]) => {
        const side = definition.openThread(world, {
          start: link.starts[name],
          ask: (question, key) => link.ask({ capability: name, question }, `${name} ${key}`),
          onNews: (listener) => this.#listeners.set(name, listener),
        });
        return [name, side];
      }),
    );
    this.#Lent = lentClassOf(this.#sides);
  }

  /** What one run may reach. */
  forRun(run: RunIdentity): Capabilities {
    return new this.#Lent(run) as Capabilities;
  }

  /** The thread's side of one capability, for the part of the road that is about it. */
  side<Name extends CapabilityName>(name: Name): ThreadSide<Name> {
    return this.#sides.get(name) as ThreadSide<Name>;
  }

  hear({ capability, news }: CapabilityNews): void {
    this.#listeners.get(capability)?.(news);
  }

  /** When no run is left. */
  async close(): Promise<void> {
    for (const [name, definition] of listedCapabilities) {
      await definition.closeThread?.(this.#sides.get(name));
    }
  }
}

/** Copied, which costs a fraction of filling a new one. */
const nothingMade: readonly unknown[] = listedCapabilities.map(() => undefined);

/** A class with one getter for each capability; what it gave it gives again. */
function lentClassOf(sides: ReadonlyMap<string, unknown>): new (run: RunIdentity) => object {
  class Lent {
    readonly run: RunIdentity;
    /** By place in the catalogue; undefined while nothing was asked for. */
    made: unknown[] | undefined;

    constructor(run: RunIdentity) {
      this.run = run;
      this.made = undefined;
    }
  }
  for (const [index, [name, definition]] of listedCapabilities.entries()) {
    const side = sides.get(name);
    Object.defineProperty(Lent.prototype, name, {
      get(this: Lent): unknown {
        this.made ??= nothingMade.slice();
        this.made[index] ??= definition.lend(side, this.run);
        return this.made[index];
      },
    });
  }
  return Lent;
}
