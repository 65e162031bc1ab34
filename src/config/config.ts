/**
 * What the daemon is told: every setting and every limit, with its default. One frozen value, built
 * once at the start by `load.ts` and handed to the parts; nothing reads the environment later.
 */

export type WatchMode = 'auto' | 'poll' | 'events';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export type LogFormat = 'auto' | 'json' | 'pretty';

/** A TCP or UDP endpoint. `host` is an IP literal without brackets, or a name for listening. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** With prefix `/keybase`, the folder `/keybase/private/…` is `directory/private/…` here. */
export interface Mount {
  readonly prefix: string;
  readonly directory: string;
  readonly watch: WatchMode;
}

export interface DnsConfig {
  /** Empty: those of the system's resolv.conf. */
  readonly servers: readonly Endpoint[];
  /** Labels put before the host name, asked in this order. */
  readonly recordNames: readonly string[];
  /** The key before `=` in the TXT value. */
  readonly recordKey: string;
}

export interface WatchConfig {
  /** How long a folder must be quiet before it is read: local disks, and FUSE or network mounts. */
  readonly quietMs: number;
  readonly quietNetworkMs: number;
  readonly pollMs: number;
  readonly pollNetworkMs: number;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Whether readable lines may have colours; NO_COLOR says no. */
  readonly color: boolean;
}

export interface KeyValueConfig {
  /** `normal` survives a killed process, `full` also a power cut; SQLite's own words. */
  readonly synchronous: 'normal' | 'full';
}

export interface OutboundConfig {
  /** Networks that guests may reach although they are private, as CIDR. */
  readonly allowedCidrs: readonly string[];
}

export interface Config {
  readonly listen: readonly Endpoint[];
  /** Folder mode: this directory answers for every authority and DNS is not asked. */
  readonly folder: string | undefined;
  readonly mounts: readonly Mount[];
  /** When set, private folders are served only if this user is one of their writers or readers. */
  readonly botUser: string | undefined;
  readonly stateDirectory: string;
  readonly threads: number;
  readonly dns: DnsConfig;
  readonly watch: WatchConfig;
  readonly outbound: OutboundConfig;
  readonly keyValue: KeyValueConfig;
  readonly log: LogConfig;
  readonly limits: Limits;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Every limit and its default. The unit is in the name; a name without one is a count. */
export const defaultLimits = {
  // A run.
  memoryBytesMax: 128 * MIB,
  cpuMsMax: 1_000,
  wallMsMax: 30_000,
  sliceMs: 1,
  runsPerSiteMax: 100,
  queuedRunsPerSiteMax: 200,
  requestBodyBytesMax: 10 * MIB,
  replyBodyBytesMax: 32 * MIB,
  replyHeadersMax: 256,
  replyHeaderBytesMax: 64 * KIB,
  handlesPerRunMax: 128,
  tmpBytesPerRunMax: 16 * MIB,
  tmpNodesPerRunMax: 4_096,
  logLinesPerRunMax: 100,
  logBytesPerRunMax: 64 * KIB,
  // Requests a guest makes.
  outboundRequestsPerRunMax: 32,
  outboundRequestBytesMax: 10 * MIB,
  outboundReplyBytesMax: 32 * MIB,
  outboundTimeoutMs: 20_000,
  outboundRedirectsMax: 10,
  outboundSocketsPerOriginMax: 32,
  dnsQueriesPerRunMax: 32,
  // Key-value.
  kvKeyBytesMax: 4 * KIB,
  kvValueBytesMax: 4 * MIB,
  kvNamespaceBytesMax: 64 * MIB,
  kvNamespaceKeysMax: 100_000,
  kvOperationsPerRunMax: 1_000,
  kvQueuedBytesMax: 64 * MIB,
  // Modules and folders.
  moduleBytesMax: 64 * MIB,
  modulesPerFolderMax: 256,
  moduleBytesPerFolderMax: 512 * MIB,
  folderEntriesMax: 20_000,
  folderDepthMax: 16,
  foldersWatchedMax: 2_000,
  versionsKeptMax: 5,
  compiledBytesMax: 512 * MIB,
  idleGuestBytesMax: 256 * MIB,
  instancesMax: 12_000,
  tableEntriesMax: 100_000,
  functionsMax: 200_000,
  importsMax: 1_000,
  manifestBytesMax: 64 * KIB,
  // Names.
  dnsTimeoutMs: 2_000,
  dnsAttemptsMax: 2,
  dnsCacheEntriesMax: 65_536,
  dnsTtlFloorMs: 10_000,
  dnsTtlCeilingMs: 3_600_000,
  dnsFailureTtlMs: 5_000,
  dnsInFlightMax: 1_000,
  sitesCachedMax: 65_536,
  // Connections.
  targetBytesMax: 8 * KIB,
  headerBytesMax: 32 * KIB,
  headersMax: 128,
  connectionsPerThreadMax: 20_000,
  headerTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 15_000,
  keepAliveTimeoutMs: 60_000,
  replyIdleTimeoutMs: 30_000,
  fileOperationTimeoutMs: 5_000,
  fileOperationsPerMountMax: 16,
  // The daemon.
  verdictWaitMs: 10_000,
  drainMs: 10_000,
  threadStuckMs: 5_000,
  threadRestartsPerMinuteMax: 30,
} as const satisfies Record<string, number>;

export type Limits = { readonly [name in keyof typeof defaultLimits]: number };

export const defaultDns: DnsConfig = {
  servers: [],
  recordNames: ['_keybase_pages', '_keybasepages'],
  recordKey: 'kbp',
};

export const defaultWatch: WatchConfig = {
  quietMs: 300,
  quietNetworkMs: 2_000,
  pollMs: 1_000,
  pollNetworkMs: 2_000,
};
