/** Makes instances of one program on the account of whoever asks, and takes them apart again. */
import type { Abi } from '../../abi/abi.ts';
import { pageBytes } from '../../abi/memory.ts';
import type { LoadedModule } from '../../threads/messages.ts';
import type { EarlyRole } from '../early/early-side.ts';
import type { Discarding } from '../guest.ts';
import { GuestInstance, type InstanceKind } from '../instance.ts';
import { ProgramHostcalls } from '../program-hostcalls.ts';
import { ProgramShared } from '../program-shared.ts';
import type { Activation } from '../run/activation.ts';
import { GuestCharge } from './guest-charge.ts';
import type { ProgramParts } from './program-parts.ts';

export interface MadeInstance extends Discarding {
  readonly instance: GuestInstance;
}

export interface MakingOptions {
  readonly withCards: boolean;
  /** It serves one run alone, for as long as that lasts. */
  readonly stays?: boolean;
  /** Of its memories, where more is known than what they begin with. */
  readonly bytesMin?: number;
  readonly firstFuel: number;
  readonly early?: EarlyRole | undefined;
}

/** Memories of discarded guests that are so large are given back to the system at once. */
const givenBackBytesMin = 1024 * 1024;

export class InstanceMaker {
  readonly #parts: ProgramParts;
  /** What an instance holds that has so much memory. */
  readonly #bytesWith: (physicalBytes: number) => number;
  readonly #kind: InstanceKind;

  constructor(
    loaded: LoadedModule,
    { abi, parts }: { readonly abi: Abi; readonly parts: ProgramParts },
    bytesWith: (physicalBytes: number) => number,
  ) {
    const { program, entry } = loaded;
    const { meterHost, entrance, crossings } = parts;
    const shared = new ProgramShared();
    const hostcalls = new ProgramHostcalls(parts);
    const own = { program, abi, entry, shared, hostcalls, slotParts: parts };
    this.#kind = { ...own, meterHost, entrance, crossings };
    this.#parts = parts;
    this.#bytesWith = bytesWith;
  }

  /**
   * An instance of which no code has run, attached to `activation`.
   *
   * @throws TerrafirmaError `overloaded`
   */
  make(activation: Activation, options: MakingOptions): MadeInstance {
    const { withCards, stays = false, bytesMin = 0, firstFuel, early } = options;
    const { stock } = this.#parts;
    const { program } = this.#kind;
    const { share } = activation;
    const plans = program.memories;
    const planned = plans.reduce((sum, plan) => sum + plan.pagesMin * pageBytes, 0);
    const bytes = this.#bytesWith(Math.max(planned, bytesMin));
    share.requireRoom(bytes);
    const count = plans.length;
    if (stays) stock.takeToStay(share, count);
    else stock.take(share, count);
    const charge = new GuestCharge(this.#parts.account, share, count);
    charge.set(bytes);
    share.noteTaken(this.#bytesWith(0));
    try {
      const memories = stock.create(plans);
      const cardTables = withCards ? this.#parts.cardTables.openFor(program, stock) : undefined;
      const instance = new GuestInstance({
        kind: this.#kind,
        memories,
        cardTables,
        charge,
        firstFuel,
        early,
      });
      instance.attach(activation);
      charge.set(this.#bytesWith(instance.physicalBytes));
      stock.counts.created += 1;
      return new Made(this, instance);
    } catch (error) {
      charge.close();
      throw error;
    }
  }

  /** Its memories would otherwise lie about until V8 collects its garbage. */
  discard(instance: GuestInstance): void {
    instance.discard();
    this.#parts.stock.counts.discarded += 1;
    instance.charge.close();
    for (const memory of instance.memories.all) {
      if (memory.buffer.byteLength < givenBackBytesMin) continue;
      this.#parts.mapper()?.giveBack(memory);
    }
  }
}

class Made implements MadeInstance {
  readonly instance: GuestInstance;
  readonly #maker: InstanceMaker;

  constructor(maker: InstanceMaker, instance: GuestInstance) {
    this.#maker = maker;
    this.instance = instance;
  }

  discard(): void {
    this.#maker.discard(this.instance);
  }
}
