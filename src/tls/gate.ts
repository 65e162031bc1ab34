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
import type { TlsStore } from './store.ts';

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
export const weekMs = 7 * 24 * hourMs;
/** A cap over a week is not worth asking about every minute. */
const weeklyHoldsMs = hourMs;
const hourlyHoldsMs = 60_000;

export interface GateOptions {
  readonly limits: GateLimits;
  readonly store: TlsStore;
  /** Milliseconds since the Unix epoch: the counts outlive the process. */
  readonly nowMs: () => number;
}

export class OrderGate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Counts one order, or says why there must be none. */
  take(hostName: HostName, folderKey: FolderKey): Refusal | undefined {
    const { limits, store, nowMs } = this.#options;
    const registeredName = registeredNameOf(hostName);
    if (registeredName === undefined) {
      return { reason: 'the name is a public suffix', holdsMs: weeklyHoldsMs };
    }
    const atMs = nowMs();
    const ofName = store.countOrders(atMs - weekMs, { registeredName });
    if (ofName >= limits.ordersPerRegisteredNamePerWeekMax) {
      const max = limits.ordersPerRegisteredNamePerWeekMax;
      const reason = `${registeredName} may cause ${max} certificates a week`;
      return { reason, holdsMs: weeklyHoldsMs };
    }
    const ofFolder = store.countOrders(atMs - weekMs, { folderKey });
    if (ofFolder >= limits.ordersPerFolderPerWeekMax) {
      const reason = `a folder may cause ${limits.ordersPerFolderPerWeekMax} certificates a week`;
      return { reason, holdsMs: weeklyHoldsMs };
    }
    const refusal = this.#refuseByHour(folderKey);
    if (refusal !== undefined) return refusal;
    store.noteOrder({ atMs, hostName, registeredName, folderKey });
    return undefined;
  }

  /** What there is in an hour is shared by owner: nobody takes more than is left for the others. */
  #refuseByHour(folderKey: FolderKey): Refusal | undefined {
    const { limits, store, nowMs } = this.#options;
    const sinceMs = nowMs() - hourMs;
    const max = limits.ordersPerHourMax;
    const held = store.countOrders(sinceMs, 'all');
    const own = store.countOrders(sinceMs, { owner: ownerOf(folderKey) });
    if (mayHold({ max, held, own, added: 1 })) return undefined;
    const rule = held >= max ? '' : ', those of one owner as many as are left for the others';
    const reason = `at most ${max} certificates are ordered an hour${rule}`;
    return { reason, holdsMs: hourlyHoldsMs };
  }

  /** What was taken for the name came to no authority: an outage must not use up a week's count. */
  giveBack(hostName: HostName): void {
    this.#options.store.forgetLastOrder(hostName);
  }
}

/**
 * The name that was registered, by the public suffix list with its private part, as authorities
 * count; undefined when `hostName` is itself a public suffix.
 */
export function registeredNameOf(hostName: string): string | undefined {
  return getDomain(hostName, { allowPrivateDomains: true }) ?? undefined;
}
