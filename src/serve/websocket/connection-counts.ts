/** How many WebSockets a site, an owner over all sites, and a client have on a thread. */
import { Counts } from '../../account/counts.ts';
import type { Shares } from '../../account/shares.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';

export type ConnectionCountLimits = Pick<
  Limits,
  | 'websocketConnectionsPerSiteMax'
  | 'websocketConnectionsPerOwnerMax'
  | 'websocketConnectionsPerClientMax'
>;

interface Counted {
  readonly key: string;
  readonly who: string;
  readonly max: number;
}

export class ConnectionCounts {
  readonly #limits: ConnectionCountLimits;
  readonly #counts = new Counts<string>();

  constructor(limits: ConnectionCountLimits) {
    this.#limits = limits;
  }

  /** @throws TerrafirmaError `overloaded` where one of the three would have too many. */
  join(shares: Shares): void {
    const counted = this.#counted(shares);
    for (const { key, who, max } of counted) {
      if (this.#counts.of(key) < max) continue;
      const rule = `${who} may have at most ${max} at once`;
      throw new TerrafirmaError(
        'overloaded',
        `Cannot open a WebSocket now: ${rule}: received one more`,
      );
    }
    for (const { key } of counted) this.#counts.add(key, 1);
  }

  leave(shares: Shares): void {
    for (const { key } of this.#counted(shares)) this.#counts.add(key, -1);
  }

  /** Keys of three kinds, which their first words tell apart. */
  #counted({ site, owner, client }: Shares): readonly Counted[] {
    const limits = this.#limits;
    return [
      { key: `site ${site}`, who: 'this site', max: limits.websocketConnectionsPerSiteMax },
      {
        key: `owner ${owner}`,
        who: 'all sites of its owner',
        max: limits.websocketConnectionsPerOwnerMax,
      },
      { key: `client ${client}`, who: 'one client', max: limits.websocketConnectionsPerClientMax },
    ];
  }
}
