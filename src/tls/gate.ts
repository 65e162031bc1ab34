/**
 * How many certificates strangers may cause. Mallory owns `evil.example` and points any number of
 * its names at her folder here; authorities count them against the operator's account and against
 * everybody's share. So orders are counted, for good, per registered name, per folder and
 * in all.
 */
import { getDomain } from 'tldts';
import { mayHold } from '../account/threshold.ts';
import type { Limits } from '../config/config.ts';
import { type FolderKey, type HostName, ownerOf } from '../names.ts';
import type { Lease } from '../outside/store/leases.ts';
import { hourShape, keys, weekShape } from './records.ts';
import type { OrderCount, TlsStore } from './store.ts';

export type GateLimits = Pick<
  Limits,
  'ordersPerHourMax' | 'ordersPerRegisteredNamePerWeekMax' | 'ordersPerFolderPerWeekMax'
>;

/** Why nothing is ordered, and for how long that holds. */
export interface Refusal {
  readonly reason: string;
  readonly holdsMs: number;
}

const hourMs = 3_600_000;
/** A cap over a week is not worth asking about every minute. */
const weeklyHoldsMs = hourMs;
const hourlyHoldsMs = 60_000;

export interface GateOptions {
  readonly limits: GateLimits;
  readonly store: TlsStore;
  /** Milliseconds since the Unix epoch: the counts outlive the process. */
  readonly nowMs: () => number;
}

/** An order that was counted. */
export interface CountedOrder {
  readonly atMs: number;
  readonly counts: readonly OrderCount[];
}

export type Admitted =
  | { readonly kind: 'counted'; readonly order: CountedOrder }
  /** Another node orders it now. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

interface Cap extends OrderCount {
  readonly refusal: Refusal;
}

export class OrderGate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Counts one order and takes its lock, or says why there must be none. Rejects with StoreError.
   *
   * @param lock Left out where nobody else orders.
   */
  async take(hostName: HostName, folderKey: FolderKey, lock?: Lease): Promise<Admitted> {
    const { store, nowMs } = this.#options;
    const registeredName = registeredNameOf(hostName);
    if (registeredName === undefined) {
      const refusal = { reason: 'the name is a public suffix', holdsMs: weeklyHoldsMs };
      return { kind: 'refused', refusal };
    }
    const caps = this.#caps(registeredName, folderKey);
    const atMs = nowMs();
    const full = await store.takeOrder(caps, lock);
    if (full === 'locked') return { kind: 'locked' };
    if (full === undefined) return { kind: 'counted', order: { atMs, counts: caps } };
    const cap = caps.find((one) => one === full);
    return { kind: 'refused', refusal: cap?.refusal ?? this.#hourRefusal('') };
  }

  /** What was taken came to no authority: an outage must not use up a week's count. */
  giveBack({ counts, atMs }: CountedOrder): Promise<void> {
    return this.#options.store.giveBackOrder(counts, atMs);
  }

  /**
   * What there is in an hour is shared by owner: nobody takes more than is left for the others.
   */
  #caps(registeredName: string, folderKey: FolderKey): readonly Cap[] {
    const { limits } = this.#options;
    const { ordersPerRegisteredNamePerWeekMax: perName, ordersPerFolderPerWeekMax: perFolder } =
      limits;
    const max = limits.ordersPerHourMax;
    const weekly = (who: string, most: number): Refusal => ({
      reason: `${who} may cause ${most} certificates a week`,
      holdsMs: weeklyHoldsMs,
    });
    return [
      {
        ...{ key: keys.ordersOfName(registeredName), shape: weekShape },
        allows: ([ofName = 0]) => ofName < perName,
        refusal: weekly(registeredName, perName),
      },
      {
        ...{ key: keys.ordersOfFolder(folderKey), shape: weekShape },
        allows: ([, ofFolder = 0]) => ofFolder < perFolder,
        refusal: weekly('a folder', perFolder),
      },
      {
        ...{ key: keys.allOrders, shape: hourShape },
        allows: ([, , all = 0]) => all < max,
        refusal: this.#hourRefusal(''),
      },
      {
        ...{ key: keys.ordersOfOwner(ownerOf(folderKey)), shape: hourShape },
        allows: ([, , held = 0, own = 0]) => mayHold({ max, held, own, added: 1 }),
        refusal: this.#hourRefusal(', those of one owner as many as are left for the others'),
      },
    ];
  }

  #hourRefusal(share: string): Refusal {
    const max = this.#options.limits.ordersPerHourMax;
    const reason = `at most ${max} certificates are ordered an hour${share}`;
    return { reason, holdsMs: hourlyHoldsMs };
  }
}

/**
 * The name that was registered, by the public suffix list with its private part, as authorities
 * count; undefined when `hostName` is itself a public suffix.
 */
export function registeredNameOf(hostName: string): string | undefined {
  return getDomain(hostName, { allowPrivateDomains: true }) ?? undefined;
}
