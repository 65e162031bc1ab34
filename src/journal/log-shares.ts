/**
 * Who may fill how much of the log in a minute: owners, their sites, and clients by their network.
 * Without shares one visitor or one folder would push out the lines of all others. Pure: whoever
 * holds them says when a minute is over.
 */
import type { Limits } from '../config/config.ts';
import { clientNetwork, type FolderKey, ownerOf } from '../names.ts';

export type LogShareLimits = Pick<
  Limits,
  'logBytesPerOwnerPerMinuteMax' | 'logBytesPerSitePerMinuteMax' | 'logBytesPerClientPerMinuteMax'
>;

/** Who caused a line. No folder: the host name is not served, or there was no request. */
export interface LineOrigin {
  readonly folderKey: string | undefined;
  readonly clientAddress: string | undefined;
}

/** What was dropped in one minute, of whom, most first. */
export interface LogLosses {
  readonly droppedLines: number;
  /** For want of room: nobody reads the log fast enough. The others had used their share. */
  readonly withoutRoom: number;
  readonly owners: readonly string[];
  readonly sites: readonly string[];
  readonly clients: readonly string[];
}

interface Share {
  readonly bytesMax: number;
  bytes: number;
  dropped: number;
}

type Group = 'owners' | 'sites' | 'clients';

/** Keys remembered in a minute, per group. All beyond share one share. */
const keysMax = 10_000;
/** Names that the line of what was dropped tells, per group. */
const namesToldMax = 5;
const theOthers = 'others';
/** The owner of lines that no folder is to blame for. */
const nobody = 'nobody';

export class LogShares {
  readonly #bytesMax: Readonly<Record<Group, number>>;
  readonly #groups: Readonly<Record<Group, Map<string, Share>>> = {
    owners: new Map(),
    sites: new Map(),
    clients: new Map(),
  };
  #droppedLines = 0;
  #withoutRoom = 0;
  /** The shares of the last line: the next is often of the same site and client. */
  #last: (LineOrigin & { readonly shares: readonly Share[] }) | undefined;

  constructor(limits: LogShareLimits) {
    this.#bytesMax = {
      owners: limits.logBytesPerOwnerPerMinuteMax,
      sites: limits.logBytesPerSitePerMinuteMax,
      clients: limits.logBytesPerClientPerMinuteMax,
    };
  }

  /** Whether another line of `origin` may be written. Where not, the line counts as dropped. */
  allows(origin: LineOrigin): boolean {
    for (const share of this.#sharesOf(origin)) {
      if (share.bytes < share.bytesMax) continue;
      share.dropped += 1;
      this.#droppedLines += 1;
      return false;
    }
    return true;
  }

  /** A line of `origin` was written: its bytes are taken from every share. */
  charge(origin: LineOrigin, bytes: number): void {
    for (const share of this.#sharesOf(origin)) share.bytes += bytes;
  }

  /** A line had no room in the queue; undefined: one of the daemon's own. */
  noteNoRoom(origin: LineOrigin | undefined): void {
    this.#droppedLines += 1;
    this.#withoutRoom += 1;
    const [share] = origin === undefined ? [] : this.#sharesOf(origin);
    if (share !== undefined) share.dropped += 1;
  }

  /** Begins the next minute; what was dropped in the last one, if anything. */
  roll(): LogLosses | undefined {
    const losses: LogLosses | undefined =
      this.#droppedLines === 0
        ? undefined
        : {
            droppedLines: this.#droppedLines,
            withoutRoom: this.#withoutRoom,
            owners: this.#mostDropped('owners'),
            sites: this.#mostDropped('sites'),
            clients: this.#mostDropped('clients'),
          };
    for (const shares of Object.values(this.#groups)) shares.clear();
    this.#last = undefined;
    this.#droppedLines = 0;
    this.#withoutRoom = 0;
    return losses;
  }

  #sharesOf(origin: LineOrigin): readonly Share[] {
    const last = this.#last;
    const { folderKey, clientAddress } = origin;
    const isSame =
      last !== undefined && last.folderKey === folderKey && last.clientAddress === clientAddress;
    if (isSame) return last.shares;
    const shares: Share[] = [];
    if (clientAddress !== undefined) {
      shares.push(this.#share('clients', clientNetwork(clientAddress)));
    }
    if (folderKey !== undefined) shares.push(this.#share('sites', folderKey));
    const owner = folderKey === undefined ? nobody : ownerOf(folderKey as FolderKey);
    shares.push(this.#share('owners', owner));
    this.#last = { folderKey, clientAddress, shares };
    return shares;
  }

  #share(group: Group, key: string): Share {
    const shares = this.#groups[group];
    const name = shares.size < keysMax || shares.has(key) ? key : theOthers;
    const known = shares.get(name);
    if (known !== undefined) return known;
    const share: Share = { bytesMax: this.#bytesMax[group], bytes: 0, dropped: 0 };
    shares.set(name, share);
    return share;
  }

  #mostDropped(group: Group): readonly string[] {
    return [...this.#groups[group]]
      .filter(([, share]) => share.dropped > 0)
      .sort(([, one], [, other]) => other.dropped - one.dropped)
      .slice(0, namesToldMax)
      .map(([name, share]) => `${name}: ${share.dropped}`);
  }
}
