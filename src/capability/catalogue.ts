/**
 * What one run of a guest may reach, put together from the parts of its serving thread. On the hot
 * path: most guests use nothing of it, so nothing is made before it is asked for.
 */

import type { Limits } from '../config/config.ts';
import type { Header } from '../http/message.ts';
import { type FolderKey, type ModulePath, type OwnerKey, ownerOf } from '../names.ts';
import type {
  Capabilities,
  Clock,
  Fetch,
  GuestLog,
  GuestSettings,
  KeyValue,
  Resolve,
  SiteFiles,
  Timer,
} from './capability.ts';
import type { OutboundHttp } from './fetch/fetch.ts';
import type { SiteDirectory, SiteFileSource } from './files/files.ts';
import type { KeyValueClient } from './kv/client.ts';
import { type GuestLineSink, RunLog } from './log/guest-log.ts';
import type { RandomPool } from './random.ts';
import { RunResolve } from './resolve/resolve.ts';

/** Which run: everything it reaches is narrowed to this. */
export interface RunIdentity {
  readonly folderKey: FolderKey;
  readonly modulePath: ModulePath;
  readonly requestId: string;
  /** Whose request it is: the lines that the run writes are of the client's share too. */
  readonly clientAddress?: string;
  /** `countLoopHops` of the request's headers; left out when there can be none. */
  readonly loopHops?: number;
  /** `enterVisit` of that request. */
  readonly visit?: string | undefined;
  /** Where the site's files are; left out when the module is run alone. */
  readonly place?: SiteDirectory;
  /** What the owner has set for the module; asked for at most once. */
  readonly settings?: () => GuestSettings;
}

const defaultSettings: GuestSettings = {
  environment: new Map(),
  protocol: 'cgi',
  webSocket: 'lines',
  isPlainTextAllowed: false,
  arguments: undefined,
};

export interface CapabilityParts {
  readonly outbound: OutboundHttp;
  readonly keyValue: KeyValueClient;
  /** The daemon's resolver, as this thread reaches it, for the guests of one owner. */
  readonly resolverOf: (owner: OwnerKey) => Resolve;
  readonly random: RandomPool;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly files: SiteFileSource;
  readonly onGuestLine: GuestLineSink;
  readonly limits: Pick<Limits, 'dnsQueriesPerRunMax' | 'logLinesPerRunMax' | 'logBytesPerRunMax'>;
}

/** One a serving thread. Owns none of its parts: who made them closes them. */
export class CapabilitySource {
  readonly #parts: CapabilityParts;

  constructor(parts: CapabilityParts) {
    this.#parts = parts;
  }

  /**
   * Counts a run for the visit that its request is part of; see `Visits.enter`.
   *
   * @throws TerrafirmaError `loop`.
   */
  enterVisit(request: { readonly headers: readonly Header[] }): string | undefined {
    return this.#parts.outbound.visits.enter(request.headers);
  }

  forRun(run: RunIdentity): RunCapabilities {
    return new RunCapabilities(this.#parts, run);
  }
}

export class RunCapabilities implements Capabilities {
  readonly #parts: CapabilityParts;
  readonly #run: RunIdentity;
  #fetch: Fetch | undefined;
  #keyValue: KeyValue | undefined;
  #resolve: Resolve | undefined;
  #log: GuestLog | undefined;
  #files: SiteFiles | undefined;
  #settings: GuestSettings | undefined;

  constructor(parts: CapabilityParts, run: RunIdentity) {
    this.#parts = parts;
    this.#run = run;
  }

  get fetch(): Fetch {
    const { folderKey, loopHops = 0, visit } = this.#run;
    this.#fetch ??= this.#parts.outbound.forRun({ folderKey, loopHops, visit });
    return this.#fetch;
  }

  get keyValue(): KeyValue {
    const { folderKey, modulePath } = this.#run;
    this.#keyValue ??= this.#parts.keyValue.namespace(folderKey, modulePath);
    return this.#keyValue;
  }

  get resolve(): Resolve {
    this.#resolve ??= new RunResolve(
      this.#parts.resolverOf(ownerOf(this.#run.folderKey)),
      this.#parts.limits,
    );
    return this.#resolve;
  }

  get log(): GuestLog {
    const { onGuestLine, limits } = this.#parts;
    const { folderKey, modulePath, requestId, clientAddress } = this.#run;
    this.#log ??= new RunLog(onGuestLine, {
      tag: { folderKey, modulePath, requestId, clientAddress },
      limits,
    });
    return this.#log;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get timer(): Timer {
    return this.#parts.timer;
  }

  get files(): SiteFiles {
    this.#files ??= this.#parts.files.forSite(this.#run.place);
    return this.#files;
  }

  get settings(): GuestSettings {
    this.#settings ??= this.#run.settings?.() ?? defaultSettings;
    return this.#settings;
  }

  fillRandom(target: Uint8Array): void {
    this.#parts.random.fill(target);
  }
}
