/** What each limit bounds, in words, and the values it may have. One row a limit. */
import type { Limits } from './config.ts';
import type { LimitRow } from './limit-table.ts';
import { roomLimits } from './room-limits.ts';

const mib = 1024 * 1024;
const gib = 1024 * mib;

export const limitRows: { readonly [name in keyof Limits]: LimitRow } = {
  memoryBytesMax: {
    summary: 'Linear memory of one instance',
    min: 65_536,
    max: 4 * gib,
  },
  objectBytesPerRunMax: {
    summary: 'Garbage-collected objects and exceptions of one run',
    min: 65_536,
    max: gib,
  },
  objectBytesPerThreadMax: {
    summary: 'Objects and exceptions of all runs of a thread; one owner gets half of it at most',
    min: 131_072,
    max: 4 * gib,
  },
  cpuMsMax: { summary: 'CPU time of one run' },
  wallMsMax: { summary: 'Wall-clock time of one run' },
  afterReplyMsMax: {
    summary: 'How long a component of WASI 0.3 may go on after its answer',
    min: 0,
  },
  componentTasksPerRunMax: {
    summary: 'Calls between components of one file that wait at once, per run',
    max: 100_000,
  },
  cancelGraceMs: {
    summary: 'What a component of WASI 0.3 has to end once it was told that the client has gone',
    min: 0,
    max: 60_000,
  },
  sliceMs: {
    summary: 'How long a guest runs before it yields to others; five times that alone',
    max: 1_000,
  },
  guestCallMsMax: {
    summary: 'How long a guest’s allocator may run at a stretch when a hostcall needs memory',
    max: 1_000,
  },
  stallMsPerSMax: {
    summary:
      'How long, per second, the runs of one owner may keep all others of a thread waiting, by ' +
      'V8’s collections of their objects and by what is done for them at a stretch, before its ' +
      'next runs wait',
    max: 1_000,
  },
  runsPerSiteMax: { summary: 'Runs at once, per site and thread' },
  queuedRunsPerSiteMax: { summary: 'Runs that wait for their turn, per site and thread', min: 0 },
  runsPerOwnerMax: { summary: 'Runs at once of all sites of one owner, per thread' },
  clientSharePercentMax: {
    summary: 'How many of a site’s runs, and of those that wait, may be one client’s, in percent',
    max: 100,
  },
  bodiesPerClientMax: {
    summary: 'Request bodies that one client may be sending at once, per thread',
    max: 1_000_000,
  },
  requestBodyBytesMax: { summary: 'Request body that is read whole', min: 0, max: gib },
  replyBodyBytesMax: { summary: 'Reply body of a guest', min: 0, max: gib },
  replyHeadersMax: { summary: 'Headers of a guest’s reply', max: 10_000 },
  replyHeaderBytesMax: { summary: 'All headers of a guest’s reply together', max: mib },
  handlesPerRunMax: { summary: 'Handles a guest may hold at once, per kind', max: 1_000_000 },
  fastlyHandlesPerRunMax: {
    summary: 'Handles a program for Fastly Compute may hold at once, per kind',
    max: 1_000_000,
  },
  componentHandlesMax: {
    summary: 'Handles that one instance of a component may hold at once, of all kinds together',
    max: 1_000_000,
  },
  componentCallBytesMax: {
    summary: 'What one call may bring out of a component, as the daemon holds it',
    min: 65_536,
    max: gib,
  },
  componentRandomBytesMax: {
    summary: 'Random bytes that a component gets in one call',
    max: 64 * mib,
  },
  tmpBytesPerRunMax: { summary: 'Files a guest may keep in its /tmp', min: 0, max: gib },
  tmpNodesPerRunMax: { summary: 'Files and directories in /tmp', max: 1_000_000 },
  traceLinesPerRunMax: {
    summary: 'Hostcalls of one run that are told at the log level trace',
    min: 0,
  },
  middlewareStepsMax: {
    summary: 'Runs of middleware for one request of a visitor, and requests that it sends on',
    max: 1_000,
  },
  ...roomLimits,
  moduleBytesMax: { summary: 'One .wasm file', min: 8, max: gib },
  modulesPerFolderMax: { summary: 'Modules of one folder', max: 100_000 },
  moduleBytesPerFolderMax: { summary: 'All .wasm files of one folder together' },
  folderEntriesMax: { summary: 'Modules and directories looked at in one folder', max: 10_000_000 },
  folderEntriesPerSecondMax: {
    summary:
      'Entries looked at per second in the folders of one owner; a directory counts as eight',
    max: 10_000_000,
  },
  folderDepthMax: { summary: 'How deep a folder is looked at', max: 256 },
  foldersWatchedMax: { summary: 'Folders watched at once', max: 1_000_000 },
  versionsKeptMax: { summary: 'Accepted versions kept of each module', max: 1_000 },
  storeOwnerBytesMax: { summary: 'Accepted versions kept of all modules of one owner' },
  storeBytesMax: {
    summary: 'Accepted versions kept; an owner gets no more than is left for others',
  },
  formsBytesMax: { summary: 'What was made of modules, kept to be ready sooner after a restart' },
  goneKeptDays: {
    summary: 'How long versions and key-value data are kept after their module is gone',
    max: 36_500,
  },
  compiledBytesMax: { summary: 'Compiled modules kept in memory' },
  compressedBytesMax: {
    summary: 'Compressed files kept in memory; half of it is shared among the threads',
    min: 0,
  },
  filesKeptBytesMax: {
    summary: 'Files of 64 KiB at most kept in memory as they are, shared among the threads',
    min: 0,
  },
  idleGuestBytesMax: { summary: 'Idle instances kept in memory, per thread', min: 0 },
  idleGuestMsMax: { summary: 'How long an idle instance is kept in memory' },
  instancesMax: { summary: 'Instances at once, over all threads', max: 1_000_000 },
  tableEntriesMax: { summary: 'Entries of a guest’s tables', max: 10_000_000 },
  functionsMax: { summary: 'Functions of one module', max: 1_000_000 },
  importsMax: { summary: 'Imports of one module', max: 100_000 },
  componentLevelsMax: { summary: 'How deep components stand in each other', max: 100 },
  componentModulesMax: { summary: 'Core modules in one component', max: 10_000 },
  componentCoresMax: {
    summary: 'Instances of core modules that a component comes to once it is linked',
    max: 10_000,
  },
  componentInstancesMax: {
    summary: 'Instances of components that a component comes to once it is linked',
    max: 100_000,
  },
  componentTypesMax: { summary: 'Types that a component defines', max: 1_000_000 },
  componentFunctionsMax: {
    summary: 'Functions that a component has to lift or lower, or has of the component model',
    max: 100_000,
  },
  componentNameBytesMax: { summary: 'All names in a component together', max: 64 * mib },
  componentImportsMax: {
    summary: 'Imports of a component, and likewise its exports',
    max: 100_000,
  },
  cronEntriesMax: { summary: 'Entries of all schedules', max: 100_000 },
  cronRunsMax: { summary: 'Runs of schedules at once, of all folders', max: 1_000 },
  manifestBytesMax: { summary: 'The .kbp_config file', max: 16 * mib },
  settingsBytesMax: { summary: 'The terrafirma.toml of a folder', max: 16 * mib },
  fastlyTomlBytesMax: { summary: 'The fastly.toml of a folder', max: 16 * mib },
  fastlyFilesBytesMax: {
    summary: 'All files together that the fastly.toml of a folder names',
    max: 256 * mib,
  },
  dnsTimeoutMs: { summary: 'One attempt at one DNS server' },
  dnsAttemptsMax: { summary: 'Attempts per DNS server', max: 10 },
  dnsCacheEntriesMax: { summary: 'DNS answers kept', max: 10_000_000 },
  dnsTtlFloorMs: { summary: 'DNS answers are kept at least so long', min: 0 },
  dnsTtlCeilingMs: { summary: 'DNS answers are kept at most so long', min: 0 },
  dnsFailureTtlMs: { summary: 'Failed and negative DNS answers are kept so long', min: 0 },
  dnsInFlightMax: { summary: 'DNS lookups at once', max: 100_000 },
  dnsInFlightPerZoneMax: {
    summary: 'DNS lookups at once below one registered name',
    max: 100_000,
  },
  dnsInFlightPerClientMax: {
    summary: 'DNS lookups at once for one client (an IPv4 address, 56 bits of IPv6) or owner',
    max: 100_000,
  },
  dnsUnknownNamesPerClientPerMinuteMax: {
    summary: 'Names without a record that are looked up for one client or owner, per minute',
    max: 1_000_000,
  },
  sitesCachedMax: { summary: 'Host names remembered with their site', max: 10_000_000 },
  targetBytesMax: { summary: 'Path and query of a request', max: mib },
  headerBytesMax: { summary: 'All headers of a request together', max: mib },
  headersMax: { summary: 'Headers of a request', max: 10_000 },
  connectionsPerClientMax: {
    summary: 'Connections at once of one client that is no trusted proxy, per thread',
    max: 1_000_000,
  },
  connectionsPerThreadMax: { summary: 'Connections at once, per thread', max: 1_000_000 },
  headerTimeoutMs: { summary: 'Until the head of a request is there' },
  bodyIdleTimeoutMs: { summary: 'Between two pieces of a request body' },
  keepAliveTimeoutMs: { summary: 'Between two requests on one connection' },
  replyIdleTimeoutMs: {
    summary:
      'How long a client may take for the next 64 KiB of a reply, or 256 KiB where it took what ' +
      'came before at once',
  },
  heldBytesPerClientMax: {
    summary: 'Request bodies, and replies not yet taken, of one client network, per thread',
  },
  lingerMs: { summary: 'How long we wait for a client that still sends when its connection ends' },
  lingerBytesMax: { summary: 'What such a client may still send; it is thrown away' },
  fileOperationTimeoutMs: { summary: 'One operation on a file' },
  fileOperationsPerMountMax: { summary: 'File operations at once, per mount', max: 1_000 },
  http2StreamsMax: { summary: 'Requests at once on one HTTP/2 connection', max: 10_000 },
  http2ResetsMax: {
    summary: 'Requests that one HTTP/2 connection may break off in quick succession',
    max: 100_000,
  },
  http2HeaderBytesPerSecondMax: {
    summary: 'Headers of all requests of one HTTP/2 connection in a second, decompressed',
    min: 64 * 1024,
  },
  http2FrameBytesPerSecondMax: {
    summary: 'What one HTTP/2 connection may send in a second besides requests and bodies',
    min: 1_024,
  },
  websocketConnectionsPerSiteMax: {
    summary: 'WebSocket connections at once, per site and thread',
    min: 0,
    max: 100_000,
  },
  websocketConnectionsPerOwnerMax: {
    summary: 'WebSocket connections at once to all sites of one owner, per thread',
    min: 0,
    max: 100_000,
  },
  websocketConnectionsPerClientMax: {
    summary: 'WebSocket connections at once of one client, per thread',
    min: 0,
    max: 100_000,
  },
  websocketMessageBytesMax: { summary: 'One WebSocket message, either way', max: 64 * mib },
  websocketQueuedBytesMax: {
    summary: 'Messages that wait for the guest, or the client, before the other side is held up',
    max: 64 * mib,
  },
  websocketCpuMsMax: { summary: 'CPU time from one WebSocket message of the client to the next' },
  websocketIdleMs: { summary: 'A WebSocket connection without a message for so long is closed' },
  websocketPingMs: { summary: 'Between two pings; a client that missed one is cut off' },
  websocketGraceMs: {
    summary: 'How long a guest may go on after its WebSocket client has gone',
    min: 0,
  },
  certificateWaitMs: { summary: 'How long a handshake waits for its certificate' },
  certificatesMax: { summary: 'Certificates of ACME that are kept', max: 10_000_000 },
  tlsContextsMax: { summary: 'Certificates ready for handshakes, per thread', max: 1_000_000 },
  ordersInFlightMax: { summary: 'Orders of certificates at once', max: 1_000 },
  ordersPerHourMax: { summary: 'New certificates ordered per hour', min: 0, max: 100_000 },
  ordersPerRegisteredNamePerWeekMax: {
    summary: 'New certificates per registered name (public suffix list) and week',
    min: 0,
    max: 100_000,
  },
  ordersPerFolderPerWeekMax: {
    summary: 'New certificates per folder and week',
    min: 0,
    max: 100_000,
  },
  loginTtlMs: { summary: 'How long a password that was checked is believed', min: 0 },
  passwordChecksQueuedMax: { summary: 'Password checks that wait, per folder', max: 10_000 },
  probationMs: {
    summary: 'How long a module is new, and suspected if the daemon crashes; 0 for not at all',
    min: 0,
  },
  verdictWaitMs: {
    summary: 'How long a request waits for a module to be judged; a fifth of it where many are',
    min: 0,
  },
  drainMs: { summary: 'How long requests may go on after SIGTERM', min: 0 },
  drainLeadMs: {
    summary: 'How long /readyz says no before connections are refused: for load balancers',
    min: 0,
    max: 600_000,
  },
  threadStuckMs: {
    summary: 'A serving thread without a heartbeat for so long is replaced',
    min: 100,
  },
  logQueueBytesMax: {
    summary: 'Log lines that wait to be written, per thread; more are dropped and counted',
    min: 64 * 1024,
    max: gib,
  },
  logBytesPerOwnerPerMinuteMax: {
    summary: 'Log lines that all folders of one owner cause, per thread and minute',
  },
  logBytesPerSitePerMinuteMax: {
    summary: 'Log lines that one folder causes, per thread and minute',
  },
  logBytesPerClientPerMinuteMax: {
    summary: 'Log lines that one client network causes, per thread and minute',
  },
  metricRowsMax: {
    summary: 'Modules that are counted each for itself; what others do is counted together',
    max: 100_000,
  },
  logRingBytesMax: {
    summary: 'The newest log lines, kept in memory for whoever operates the daemon',
    min: 64 * 1024,
    max: gib,
  },
  logRingLinesMax: { summary: 'Of those, how many are looked through', max: 1_000_000 },
  adminConnectionsMax: { summary: 'Requests at once to an admin listener', max: 1_000 },
  adminStreamsMax: { summary: 'Streams of events at once to an admin listener', max: 1_000 },
  adminBodyBytesMax: { summary: 'Body of a request to an admin listener', max: 64 * mib },
};
