/**
 * Who may have how many look-ups under way. Pure but for the work it is handed.
 *
 * The attack: Mallory asks for `random.mallory.example`, again and again; her name servers never
 * answer, so each look-up lasts until it is given up, and soon nobody else's new name can be looked
 * up. So the look-ups under way are counted by zone, because one zone's servers are silent
 * together, and by asker: the network of a visitor, or the owner of a guest. A zone that was silent
 * a few times is asked one question at a time until it says something.
 */
import { LRUCache } from 'lru-cache';
import { getDomain } from 'tldts';
import { Counts } from '../../account/counts.ts';
import { TokenBuckets } from '../../account/token-buckets.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';

export type ShareLimits = Pick<
  Limits,
  | 'dnsInFlightMax'
  | 'dnsInFlightPerZoneMax'
  | 'dnsInFlightPerClientMax'
  | 'dnsUnknownNamesPerClientPerMinuteMax'
  | 'dnsFailureTtlMs'
>;

/** One look-up and whose it is. */
export interface Seat {
  readonly name: string;
  /** A visitor's network or a guest's owner; undefined: the daemon itself. */
  readonly asker: string | undefined;
  /** Guests leave room for visitors. */
  readonly isGuest: boolean;
  /** The name was good before: whoever asks, it is no stranger's invention. */
  readonly isKnown: boolean;
}

/** So many timeouts in a row, and the zone is silent. */
const silencesMax = 8;
const zonesKeptMax = 16_384;
const askersKeptMax = 65_536;

interface Zone {
  inFlight: number;
  silences: number;
  restsUntilMs: number;
}

export class LookupShares {
  readonly #limits: ShareLimits;
  readonly #nowMs: () => number;
  readonly #zones = new LRUCache<string, Zone>({ max: zonesKeptMax });
  readonly #askers = new Counts<string>();
  readonly #unknown: TokenBuckets;
  #inFlight = 0;

  constructor(limits: ShareLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    const perMinute = limits.dnsUnknownNamesPerClientPerMinuteMax;
    const rule = { burst: perMinute, perSecond: perMinute / 60 };
    this.#unknown = new TokenBuckets(rule, askersKeptMax);
  }

  /**
   * Does `work` when there is room for it. Rejects with TerrafirmaError `overloaded` when there is
   * none, `dns-timeout` while the zone is silent, and with what `work` rejects with.
   *
   * @param endOf What the work came to: a `silence` is a time-out, a `miss` a name that was none.
   */
  async run<T>(
    seat: Seat,
    work: () => Promise<T>,
    endOf: (result: T) => 'hit' | 'miss' | 'silence',
  ): Promise<T> {
    const zoneName = zoneOf(seat.name);
    const zone = this.#zones.get(zoneName) ?? { inFlight: 0, silences: 0, restsUntilMs: 0 };
    this.#admit(seat, zoneName, zone);
    this.#zones.set(zoneName, zone);
    const { asker } = seat;
    this.#inFlight += 1;
    zone.inFlight += 1;
    if (asker !== undefined) this.#askers.add(asker, 1);
    try {
      const result = await work();
      const end = endOf(result);
      this.#note(zone, end === 'silence');
      if (end === 'hit' && asker !== undefined) this.#unknown.giveBack(asker);
      return result;
    } catch (error) {
      this.#note(zone, error instanceof TerrafirmaError && error.code === 'dns-timeout');
      throw error;
    } finally {
      this.#inFlight -= 1;
      zone.inFlight -= 1;
      if (asker !== undefined) this.#askers.add(asker, -1);
    }
  }

  #admit(seat: Seat, zoneName: string, zone: Zone): void {
    const { dnsInFlightMax, dnsInFlightPerClientMax, dnsInFlightPerZoneMax } = this.#limits;
    const { asker, isGuest, isKnown } = seat;
    const inFlightMax = isGuest ? Math.ceil(dnsInFlightMax / 2) : dnsInFlightMax;
    if (this.#inFlight >= inFlightMax) throw overloaded(`at most ${inFlightMax} at a time`);
    if (isKnown) return;
    if (zone.inFlight >= dnsInFlightPerZoneMax) {
      throw overloaded(`at most ${dnsInFlightPerZoneMax} at a time below ${zoneName}`);
    }
    if (zone.silences >= silencesMax) {
      if (zone.inFlight > 0 || zone.restsUntilMs > this.#nowMs()) throw silent(zoneName);
    }
    if (asker === undefined) return;
    if (this.#askers.of(asker) >= dnsInFlightPerClientMax) {
      throw overloaded(`at most ${dnsInFlightPerClientMax} at a time for one client or owner`);
    }
    if (!this.#unknown.take(asker, this.#nowMs())) {
      const perMinute = this.#limits.dnsUnknownNamesPerClientPerMinuteMax;
      throw overloaded(`at most ${perMinute} names without a record a minute for one client`);
    }
  }

  #note(zone: Zone, isSilence: boolean): void {
    zone.silences = isSilence ? Math.min(zone.silences + 1, silencesMax) : 0;
    zone.restsUntilMs = this.#nowMs() + this.#limits.dnsFailureTtlMs;
  }
}

/** Whose name servers are asked: the registered name; another registrant has others. */
function zoneOf(name: string): string {
  return getDomain(name, { allowPrivateDomains: true }) ?? name;
}

function overloaded(rule: string): TerrafirmaError {
  return new TerrafirmaError('overloaded', `Cannot look up the name: ${rule}: received one more`);
}

function silent(zone: string): TerrafirmaError {
  const detail = `Cannot look up the name: the DNS servers of ${zone} have not answered lately`;
  return new TerrafirmaError('dns-timeout', `${detail}: try again in a few seconds`);
}
