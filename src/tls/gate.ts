/**
 * How many certificates strangers may cause. Mallory owns `evil.example` and points any number of
 * its names at her folder here; authorities count them against the operator's account and against
 * everybody's share. So orders are counted, for good, per registered name, per folder and in all.
 */
import { getDomain } from 'tldts';
import type { Limits } from '../config/config.ts';
import type { FolderKey, HostName } from '../names.ts';
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

const HOUR_MS = 3_600_000;
export const WEEK_MS = 7 * 24 * HOUR_MS;
/** A cap over a week is not worth asking about every minute. */
const WEEKLY_HOLDS_MS = HOUR_MS;
const HOURLY_HOLDS_MS = 60_000;

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
      return { reason: 'the name is a public suffix', holdsMs: WEEKLY_HOLDS_MS };
    }
    const atMs = nowMs();
    const ofName = store.countOrders(atMs - WEEK_MS, { registeredName });
    if (ofName >= limits.ordersPerRegisteredNamePerWeekMax) {
      const max = limits.ordersPerRegisteredNamePerWeekMax;
      const reason = `${registeredName} may cause ${max} certificates a week`;
      return { reason, holdsMs: WEEKLY_HOLDS_MS };
    }
    const ofFolder = store.countOrders(atMs - WEEK_MS, { folderKey });
    if (ofFolder >= limits.ordersPerFolderPerWeekMax) {
      const reason = `a folder may cause ${limits.ordersPerFolderPerWeekMax} certificates a week`;
      return { reason, holdsMs: WEEKLY_HOLDS_MS };
    }
    if (store.countOrders(atMs - HOUR_MS, 'all') >= limits.ordersPerHourMax) {
      const reason = `at most ${limits.ordersPerHourMax} certificates are ordered an hour`;
      return { reason, holdsMs: HOURLY_HOLDS_MS };
    }
    store.noteOrder({ atMs, hostName, registeredName, folderKey });
    return undefined;
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
