/** The control plane's sides of all capabilities: opened, asked and closed by their names. */
import type { Transferable } from 'node:worker_threads';
import { TerrafirmaError } from '../errors.ts';
import { type CapabilityName, type Catalogue, listedCapabilities } from './catalogue.ts';
import type { AnyDefinition, ControlSide, ControlWorld } from './definition.ts';
import type { CapabilityNews, CapabilityQuestion } from './lending.ts';

export interface ControlSidesWorld extends Omit<ControlWorld, 'tell'> {
  /** Tells every serving thread. */
  tell(news: CapabilityNews): void;
}

/** What a thread that is about to start gets. */
export interface ThreadStarts {
  readonly starts: Readonly<Record<string, unknown>>;
  readonly transfer: readonly Transferable[];
}

/** The control side of one capability, where it has one. */
type ControlOf<Name extends CapabilityName> = Catalogue[Name] extends {
  openControl?(world: never): infer Control;
}
  ? Control
  : undefined;

export class ControlSides {
  readonly #sides = new Map<string, ControlSide>();

  constructor(world: ControlSidesWorld) {
    for (const [name, definition] of listedCapabilities) {
      const side = openControl(definition, {
        ...world,
        tell: (news) => world.tell({ capability: name, news }),
      });
      if (side !== undefined) this.#sides.set(name, side);
    }
  }

  /** The side of one capability, for who has something to tell it. */
  side<Name extends CapabilityName>(name: Name): ControlOf<Name> {
    return this.#sides.get(name) as ControlOf<Name>;
  }

  connectThread(): ThreadStarts {
    const starts: Record<string, unknown> = {};
    const transfer: Transferable[] = [];
    for (const [name, side] of this.#sides) {
      const connected = side.connectThread?.();
      if (connected === undefined) continue;
      starts[name] = connected.start;
      transfer.push(...(connected.transfer ?? []));
    }
    return { starts, transfer };
  }

  /** Rejects with what the side rejects with. */
  answer({ capability, question }: CapabilityQuestion): Promise<unknown> {
    const side = this.#sides.get(capability);
    if (side?.answer !== undefined) return side.answer(question);
    const detail = `Cannot answer: no capability answers questions as: received ${capability}`;
    return Promise.reject(new TerrafirmaError('internal', detail));
  }

  /** All of them, also when one fails; rejects with the first failure. */
  async close(): Promise<void> {
    const ended = [...this.#sides.values()].map((side) => Promise.resolve(side.close?.()));
    const settled = await Promise.allSettled(ended);
    for (const one of settled) if (one.status === 'rejected') throw one.reason;
  }
}

function openControl(definition: AnyDefinition, world: ControlWorld): ControlSide | undefined {
  return definition.openControl?.(world);
}
