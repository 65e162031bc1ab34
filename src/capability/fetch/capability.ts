/** Outbound HTTP: sockets on the serving thread, names by the daemon's resolver. */
import type { OutboundResult } from '../../journal/counter-fields.ts';
import { otherRow } from '../../journal/counters.ts';
import type { OwnerKey } from '../../names.ts';
import type {
  CapabilityCounters,
  CapabilityDefinition,
  ControlSide,
  ControlWorld,
  RunIdentity,
  ThreadLink,
  ThreadWorld,
} from '../definition.ts';
import { GrantCache } from '../grant-cache.ts';
import { BlockedRuns } from './blocked-runs.ts';
import type { Lookup } from './connect.ts';
import type { Fetch } from './contract.ts';
import { OutboundHttp } from './fetch.ts';
import { wholeFetchGrant, workOutFetchGrant } from './grant.ts';
import { OwnAddresses } from './own-addresses.ts';
import { openVisitKey } from './visit-key.ts';
import { Visits } from './visits.ts';

interface FetchSpeech {
  readonly start: {
    readonly visitKey: Uint8Array;
    /** See `BlockedRuns`. */
    readonly blockedRuns: SharedArrayBuffer;
    /** Where the host names lead that are served here, as far as is known. */
    readonly servedAddresses: readonly Uint8Array[];
  };
  /** For a guest of `owner`. */
  readonly question: {
    readonly name: string;
    readonly family: 4 | 6;
    readonly owner: OwnerKey;
  };
  readonly answer: readonly Uint8Array[];
  /** The served addresses, all of them again. */
  readonly news: readonly Uint8Array[];
}

/** What all threads know of this machine and its installation. */
export class FetchControl implements ControlSide<FetchSpeech> {
  readonly #world: ControlWorld<FetchSpeech>;
  readonly #visitKey: Uint8Array;
  readonly #blockedRuns = BlockedRuns.createMemory();
  #servedAddresses: readonly Uint8Array[] = [];

  /** @throws TerrafirmaError `state`. */
  constructor(world: ControlWorld<FetchSpeech>) {
    this.#world = world;
    const { cluster, stateDirectory } = world.config;
    const isAlone = cluster.servers.length === 0;
    const sealKeyFile = isAlone ? undefined : cluster.sealKeyFile;
    this.#visitKey = openVisitKey({ stateDirectory, sealKeyFile });
  }

  connectThread(): { start: FetchSpeech['start'] } {
    const shared = { visitKey: this.#visitKey, blockedRuns: this.#blockedRuns };
    return { start: { ...shared, servedAddresses: this.#servedAddresses } };
  }

  answer({ name, family, owner }: FetchSpeech['question']): Promise<readonly Uint8Array[]> {
    return this.#world.resolver.addresses(name, family, owner);
  }

  /** Where the served host names lead: for the threads of now and those to come. */
  learnServedAddresses(addresses: readonly Uint8Array[]): void {
    this.#servedAddresses = addresses;
    this.#world.tell(addresses);
  }
}

/** The connections of one serving thread, and what they may be used for. */
export class FetchSide {
  readonly outbound: OutboundHttp;
  readonly blockedRuns: BlockedRuns;
  readonly #grants = new GrantCache(workOutFetchGrant);

  readonly #counters: CapabilityCounters | undefined;

  constructor(
    outbound: OutboundHttp,
    { blockedRuns, counters }: { blockedRuns: BlockedRuns; counters?: CapabilityCounters },
  ) {
    this.outbound = outbound;
    this.blockedRuns = blockedRuns;
    this.#counters = counters;
  }

  get visits(): Visits {
    return this.outbound.visits;
  }

  lend(run: RunIdentity): Fetch {
    const { folderKey, modulePath, siteSettings, loopHops = 0, visit, caller, spans } = run;
    const counters = this.#counters;
    const { counterRow = otherRow } = run;
    const grant =
      siteSettings === undefined ? wholeFetchGrant : this.#grants.of(siteSettings, modulePath);
    const onEnd = (result: OutboundResult): void => counters?.noteOutbound(counterRow, result);
    const origin = { folderKey, loopHops, visit, caller };
    return this.outbound.forRun({ ...origin, grant, onEnd, spans });
  }
}

export const fetchCapability: CapabilityDefinition<Fetch, FetchSide, FetchSpeech, FetchControl> = {
  openControl: (world) => new FetchControl(world),
  openThread: (world, link) =>
    new FetchSide(openOutbound(world, link), {
      blockedRuns: new BlockedRuns(link.start.blockedRuns),
      ...(world.counters && { counters: world.counters }),
    }),
  lend: (side, run) => side.lend(run),
  closeThread: ({ outbound }) => outbound.close(),
};

function openOutbound(world: ThreadWorld, link: ThreadLink<FetchSpeech>): OutboundHttp {
  const { config, servedPorts, isRunAlone, account } = world;
  const { limits } = config;
  const own = new OwnAddresses({
    named: config.acme.publicAddresses,
    servedPorts,
    nowMs: () => performance.now(),
  });
  own.learnServed(link.start.servedAddresses);
  link.onNews((addresses) => own.learnServed(addresses));
  const lookupOf =
    (owner: OwnerKey): Lookup =>
    (name, family) =>
      link.ask({ name, family, owner }, `${family} ${name} ${owner}`);
  return new OutboundHttp({
    limits,
    visits: new Visits({ key: link.start.visitKey, runsPerVisitMax: limits.runsPerVisitMax }),
    allowedCidrs: config.outbound.allowedCidrs,
    isClosed: (address, port) => !isRunAlone && own.isClosed(address, port),
    lookupOf,
    account,
  });
}
