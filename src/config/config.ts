/**
 * What the daemon is told: every setting and every limit, with its default. One frozen value, built
 * once at the start by `load.ts` and handed to the parts; nothing reads the environment later.
 */
import { componentDefaults } from './component-defaults.ts';
import { fallbacksOf } from './limit-table.ts';
import { roomLimits } from './room-limits.ts';

export type WatchMode = 'auto' | 'poll' | 'events';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export type LogFormat = 'auto' | 'json' | 'pretty';

/** A TCP or UDP endpoint. `host` is an IP literal without brackets, or a name for listening. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Of a socket that listens there already; see `outside/sockets/inherited.ts`. */
  readonly descriptor?: number;
}

/** With prefix `/keybase`, the folder `/keybase/private/…` is `directory/private/…` here. */
export interface Mount {
  readonly prefix: string;
  readonly directory: string;
  readonly watch: WatchMode;
  /** The daemon may write there what owners ask to be told; see `admin/feedback/`. */
  readonly isWritable?: true;
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
  /** The same for a file on a local disk that nobody has open for writing. */
  readonly quietClosedMs: number;
  readonly pollMs: number;
  readonly pollNetworkMs: number;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Whether lines begin with a priority; `auto`: where systemd's journal reads them. */
  readonly syslog: 'auto' | 'yes' | 'no';
  /** Where requests are written for other programs; undefined: nowhere. */
  readonly accessFile: string | undefined;
  readonly accessFormat: 'combined' | 'w3c';
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

/**
 * How far modules may reach at most, whatever their folder says.
 */
export interface GrantsConfig {
  /** `public`: any address that is public; `listed`: what the folder lists; `none`: nowhere. */
  readonly outbound: 'public' | 'listed' | 'none';
  readonly keyValue: boolean;
  /** Whether programs read the files of their folder. */
  readonly files: boolean;
}

export interface SecretsConfig {
  /** The file of the sealing keys; undefined: `sealing.json` of the state directory. */
  readonly keyFile: string | undefined;
  /** Environment variables of the daemon that folders may have as secrets. */
  readonly variables: readonly string[];
}

export interface CronConfig {
  /** Whether this daemon calls modules at their times. */
  readonly isEnabled: boolean;
}

/** A certificate of the operator's own and its key, both PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export type ChallengeType = 'http-01' | 'tls-alpn-01';

export interface TlsConfig {
  /** Empty: plain HTTP alone. */
  readonly listen: readonly Endpoint[];
  readonly certificates: readonly CertificateFiles[];
  /** Whether the plain listeners send visitors to HTTPS. */
  readonly redirects: boolean;
  /** The port visitors use for HTTPS; undefined: that of the first TLS listener. */
  readonly publicPort: number | undefined;
  /** Seconds of Strict-Transport-Security; 0: none. */
  readonly hstsMaxAgeS: number;
}

export interface AcmeConfig {
  /** The operator agrees to the directories' terms: without this nothing is ordered. */
  readonly isAgreed: boolean;
  readonly directories: readonly string[];
  /** The staging directory of Let's Encrypt instead of those named. */
  readonly isStaging: boolean;
  readonly contacts: readonly string[];
  readonly profile: string | undefined;
  readonly externalKeyId: string | undefined;
  /** Holds the external account's key, base64url. */
  readonly externalKeyFile: string | undefined;
  /** Authorities to trust besides the system's, for a directory of one's own. */
  readonly caFile: string | undefined;
  readonly challengeTypes: readonly ChallengeType[];
  /** Where visitors reach this machine; empty: not known, and so not asked. */
  readonly publicAddresses: readonly string[];
}

/** Which host names and folders are served. Names are matched label by label. */
export interface HostsConfig {
  readonly allowed: readonly string[];
  readonly denied: readonly string[];
  readonly allowedFolders: readonly string[];
  readonly deniedFolders: readonly string[];
  /** Serve only host names that the folder itself lists. */
  readonly requireFolderConsent: boolean;
  /** Of the owners' dashboard: no site may be called so, nor above or below it. */
  readonly reservedName: string | undefined;
}

/** Where the daemon is operated from; `auto`: `admin.sock` in its directory. */
export type AdminAddress =
  | { readonly kind: 'auto' }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly endpoint: Endpoint };

export interface FeedbackConfig {
  /** Whether owners may be told by files in their folders. */
  readonly isEnabled: boolean;
  /** Undefined: a name of its own that is kept. */
  readonly nodeName: string | undefined;
}

export interface AdminConfig {
  readonly listen: readonly AdminAddress[];
  /** Of the socket `auto`; undefined: the state directory. */
  readonly directory: string | undefined;
  /** Undefined: a file of the state directory, which is made. */
  readonly tokenFile: string | undefined;
  /** Where numbers and health alone are told, to everybody. */
  readonly metricsListen: readonly Endpoint[];
}

export interface DashboardConfig {
  /** Where owners look at their folders; undefined: nowhere. */
  readonly hostName: string | undefined;
}

export interface TelemetryConfig {
  /** Undefined: no traces are made. */
  readonly endpoint: string | undefined;
  /** 0 to 1. */
  readonly sampleRatio: number;
  readonly serviceName: string;
  /** Whether servers that modules ask are told. */
  readonly propagates: boolean;
}

/** Several nodes, one installation; see docs/cluster.md. */
export interface ClusterConfig {
  /** Empty: one machine, which keeps everything itself. */
  readonly servers: readonly string[];
  readonly name: string;
  /** Undefined: the host name. */
  readonly node: string | undefined;
  readonly credentialsFile: string | undefined;
  readonly nkeyFile: string | undefined;
  readonly caFile: string | undefined;
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly sealKeyFile: string | undefined;
  readonly monitorUrls: readonly string[];
  /** How many parts guests' data is divided into; fixed for good with the first start. */
  readonly shards: number;
  /** How many servers keep each of them. */
  readonly replicas: number;
  /** How long a call may wait for the engine: longer than an election takes. */
  readonly waitMs: number;
  readonly staleReadsMs: number;
  readonly mirrorBytesMax: number;
  /** All nodes together count the passwords of a folder that were wrong. */
  readonly hasSharedLogins: boolean;
}

export interface ProxyConfig {
  /** Networks whose X-Forwarded-For and X-Forwarded-Proto are believed, as CIDR. */
  readonly trustedCidrs: readonly string[];
}

export interface Config {
  readonly listen: readonly Endpoint[];
  /** Folder mode: this directory answers for every authority and DNS is not asked. */
  readonly folder: string | undefined;
  /** Of the folder's programs, in folder mode. */
  readonly variablesFile: string | undefined;
  readonly mounts: readonly Mount[];
  /** When set, private folders are served only if this user is one of their writers or readers. */
  readonly botUser: string | undefined;
  readonly stateDirectory: string;
  readonly threads: number;
  /** What the process may have of memory with all it holds; see `account/account.ts`. */
  readonly processMemoryBytesMax: number;
  readonly dns: DnsConfig;
  readonly watch: WatchConfig;
  readonly outbound: OutboundConfig;
  readonly keyValue: KeyValueConfig;
  readonly log: LogConfig;
  readonly tls: TlsConfig;
  readonly acme: AcmeConfig;
  readonly hosts: HostsConfig;
  readonly grants: GrantsConfig;
  readonly secrets: SecretsConfig;
  readonly cron: CronConfig;
  readonly admin: AdminConfig;
  readonly dashboard: DashboardConfig;
  readonly feedback: FeedbackConfig;
  readonly telemetry: TelemetryConfig;
  readonly cluster: ClusterConfig;
  readonly proxies: ProxyConfig;
  readonly limits: Limits;
}

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

/** Every limit and its default. The unit is in the name; a name without one is a count. */
export const defaultLimits = {
  // A run.
  memoryBytesMax: 128 * mib,
  objectBytesPerRunMax: 32 * mib,
  objectBytesPerThreadMax: 64 * mib,
  cpuMsMax: 1_000,
  wallMsMax: 30_000,
  afterReplyMsMax: 5_000,
  cancelGraceMs: 100,
  componentTasksPerRunMax: 1_000,
  sliceMs: 1,
  guestCallMsMax: 3,
  stallMsPerSMax: 10,
  runsPerSiteMax: 100,
  queuedRunsPerSiteMax: 200,
  runsPerOwnerMax: 200,
  clientSharePercentMax: 75,
  bodiesPerClientMax: 64,
  requestBodyBytesMax: 10 * mib,
  replyBodyBytesMax: 32 * mib,
  replyHeadersMax: 256,
  replyHeaderBytesMax: 64 * kib,
  handlesPerRunMax: 128,
  fastlyHandlesPerRunMax: 4_096,
  componentHandlesMax: 10_000,
  componentCallBytesMax: 16 * mib,
  componentRandomBytesMax: mib,
  tmpBytesPerRunMax: 16 * mib,
  tmpNodesPerRunMax: 4_096,
  traceLinesPerRunMax: 1_000,
  middlewareStepsMax: 32,
  // What a run may reach.
  ...fallbacksOf(roomLimits),
  // Modules and folders.
  moduleBytesMax: 64 * mib,
  modulesPerFolderMax: 256,
  moduleBytesPerFolderMax: 512 * mib,
  folderEntriesMax: 20_000,
  folderEntriesPerSecondMax: 5_000,
  folderDepthMax: 16,
  foldersWatchedMax: 16_384,
  versionsKeptMax: 5,
  storeOwnerBytesMax: 4 * gib,
  storeBytesMax: 16 * gib,
  formsBytesMax: gib,
  goneKeptDays: 30,
  compiledBytesMax: 512 * mib,
  compressedBytesMax: 64 * mib,
  filesKeptBytesMax: 32 * mib,
  idleGuestBytesMax: 256 * mib,
  idleGuestMsMax: 30_000,
  instancesMax: 12_000,
  tableEntriesMax: 100_000,
  functionsMax: 200_000,
  importsMax: 1_000,
  ...componentDefaults,
  componentImportsMax: 1_000,
  manifestBytesMax: 64 * kib,
  settingsBytesMax: 256 * kib,
  fastlyTomlBytesMax: 256 * kib,
  fastlyFilesBytesMax: 8 * mib,
  // Names.
  dnsTimeoutMs: 2_000,
  dnsAttemptsMax: 2,
  dnsCacheEntriesMax: 65_536,
  dnsTtlFloorMs: 10_000,
  dnsTtlCeilingMs: 3_600_000,
  dnsFailureTtlMs: 5_000,
  dnsInFlightMax: 1_000,
  dnsInFlightPerZoneMax: 50,
  dnsInFlightPerClientMax: 100,
  dnsUnknownNamesPerClientPerMinuteMax: 600,
  sitesCachedMax: 65_536,
  // Connections.
  targetBytesMax: 8 * kib,
  headerBytesMax: 32 * kib,
  headersMax: 128,
  connectionsPerThreadMax: 20_000,
  connectionsPerClientMax: 5_000,
  headerTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 15_000,
  keepAliveTimeoutMs: 60_000,
  replyIdleTimeoutMs: 30_000,
  lingerMs: 10_000,
  lingerBytesMax: 32 * mib,
  heldBytesPerClientMax: 128 * mib,
  fileOperationTimeoutMs: 5_000,
  fileOperationsPerMountMax: 16,
  http2StreamsMax: 100,
  http2ResetsMax: 200,
  http2HeaderBytesPerSecondMax: 2 * mib,
  http2FrameBytesPerSecondMax: 256 * kib,
  // WebSocket connections.
  websocketConnectionsPerSiteMax: 1_000,
  websocketConnectionsPerOwnerMax: 2_000,
  websocketConnectionsPerClientMax: 250,
  websocketMessageBytesMax: mib,
  websocketQueuedBytesMax: 256 * kib,
  websocketCpuMsMax: 1_000,
  websocketIdleMs: 600_000,
  websocketPingMs: 30_000,
  websocketGraceMs: 5_000,
  // Certificates and passwords.
  certificateWaitMs: 30_000,
  certificatesMax: 100_000,
  tlsContextsMax: 2_000,
  ordersInFlightMax: 10,
  ordersPerHourMax: 60,
  ordersPerRegisteredNamePerWeekMax: 20,
  ordersPerFolderPerWeekMax: 20,
  loginTtlMs: 120_000,
  passwordChecksQueuedMax: 64,
  // Schedules.
  cronEntriesMax: 10_000,
  cronRunsMax: 16,
  // The daemon.
  verdictWaitMs: 10_000,
  probationMs: 30_000,
  drainMs: 10_000,
  drainLeadMs: 0,
  threadStuckMs: 5_000,
  // The log.
  logQueueBytesMax: 4 * mib,
  logBytesPerOwnerPerMinuteMax: 64 * mib,
  logBytesPerSitePerMinuteMax: 32 * mib,
  logBytesPerClientPerMinuteMax: 32 * mib,
  metricRowsMax: 1_000,
  // Whoever operates the daemon.
  logRingBytesMax: 16 * mib,
  logRingLinesMax: 10_000,
  adminConnectionsMax: 32,
  adminStreamsMax: 64,
  adminBodyBytesMax: mib,
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
  quietClosedMs: 75,
  pollMs: 1_000,
  pollNetworkMs: 2_000,
};
