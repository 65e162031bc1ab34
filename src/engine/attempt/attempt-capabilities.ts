/**
 * What an attempt may reach: what it can only look at, as everybody, and the log, whose lines are
 * held. Whatever others would notice, and what one waits for, drops it.
 */
import type { Capabilities } from '../../capability/capability.ts';
import type { Timer } from '../../capability/clock/contract.ts';
import type { GuestLog } from '../../capability/log/contract.ts';
import type { Attempting } from './attempting.ts';

/** More than a short run says, in UTF-16 units. */
const heldCharsMax = 16_384;

export class AttemptCapabilities implements Capabilities {
  readonly #lent: Capabilities;
  readonly #attempt: Attempting;
  #log: GuestLog | undefined;

  constructor(lent: Capabilities, attempt: Attempting) {
    this.#lent = lent;
    this.#attempt = attempt;
  }

  get clock(): Capabilities['clock'] {
    return this.#lent.clock;
  }

  get timer(): Capabilities['timer'] {
    return new AttemptTimer(this.#lent.timer, this.#attempt);
  }

  fillRandom(target: Uint8Array): void {
    this.#lent.fillRandom(target);
  }

  get log(): Capabilities['log'] {
    this.#log ??= new HeldLog(this.#lent.log, this.#attempt);
    return this.#log;
  }

  get settings(): Capabilities['settings'] {
    return this.#lent.settings;
  }

  get config(): Capabilities['config'] {
    return this.#lent.config;
  }

  get secrets(): Capabilities['secrets'] {
    return this.#lent.secrets;
  }

  get acls(): Capabilities['acls'] {
    return this.#lent.acls;
  }

  get geo(): Capabilities['geo'] {
    return this.#lent.geo;
  }

  get devices(): Capabilities['devices'] {
    return this.#lent.devices;
  }

  get vendor(): Capabilities['vendor'] {
    return this.#lent.vendor;
  }

  get files(): Capabilities['files'] {
    return this.#kept.files;
  }

  get rates(): Capabilities['rates'] {
    return this.#kept.rates;
  }

  get resolve(): Capabilities['resolve'] {
    return this.#kept.resolve;
  }

  get fetch(): Capabilities['fetch'] {
    return this.#kept.fetch;
  }

  get keyValue(): Capabilities['keyValue'] {
    return this.#kept.keyValue;
  }

  get cache(): Capabilities['cache'] {
    return this.#kept.cache;
  }

  /** @throws the trap before the attempt is kept */
  get #kept(): Capabilities {
    this.#attempt.requireKept();
    return this.#lent;
  }
}

class AttemptTimer implements Timer {
  readonly #timer: Timer;
  readonly #attempt: Attempting;

  constructor(timer: Timer, attempt: Attempting) {
    this.#timer = timer;
    this.#attempt = attempt;
  }

  get resolutionNs(): bigint {
    return this.#timer.resolutionNs;
  }

  nowNs(): bigint {
    return this.#timer.nowNs();
  }

  start(delayNs: bigint, onDue: () => void): () => void {
    this.#attempt.requireKept();
    return this.#timer.start(delayNs, onDue);
  }
}

class HeldLog implements GuestLog {
  readonly #log: GuestLog;
  readonly #attempt: Attempting;
  #heldChars = 0;

  constructor(log: GuestLog, attempt: Attempting) {
    this.#log = log;
    this.#attempt = attempt;
  }

  /** Of what was held nothing is known yet. */
  get isFull(): boolean {
    return this.#log.isFull;
  }

  /** Of one that was dropped the same comes again. */
  write(...line: Parameters<GuestLog['write']>): void {
    if (this.#attempt.isDropped) return;
    const write = (): void => this.#log.write(...line);
    this.#heldChars += line[1].length;
    if (this.#attempt.isOpen && this.#heldChars <= heldCharsMax) this.#attempt.hold(write);
    else {
      this.#attempt.requireKept();
      write();
    }
  }

  trace(line: string): boolean {
    this.#attempt.requireKept();
    return this.#log.trace(line);
  }
}
