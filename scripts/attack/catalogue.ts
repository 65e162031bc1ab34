/** All attacks, a file of `rows/` each. */
import type { Attack } from './attack.ts';
import { allMemories } from './rows/all-memories.ts';
import { arrayCopy } from './rows/array-copy.ts';
import { busyAllocator } from './rows/busy-allocator.ts';
import { byteStreams } from './rows/byte-streams.ts';
import { cacheFlood } from './rows/cache-flood.ts';
import { closedWindows } from './rows/closed-windows.ts';
import { cpuHog } from './rows/cpu-hog.ts';
import { dashboards } from './rows/dashboards.ts';
import { earlyBodies } from './rows/early-bodies.ts';
import { exceptionHoard } from './rows/exception-hoard.ts';
import { firstRequests } from './rows/first-requests.ts';
import { freshFiles } from './rows/fresh-files.ts';
import { fullSeats } from './rows/full-seats.ts';
import { fullStores } from './rows/full-stores.ts';
import { guestFiles } from './rows/guest-files.ts';
import { handlerBodies } from './rows/handler-bodies.ts';
import { http2Frames } from './rows/http2-frames.ts';
import { http2Headers } from './rows/http2-headers.ts';
import { idleTables } from './rows/idle-tables.ts';
import { largeCopies } from './rows/large-copies.ts';
import { largeRestores } from './rows/large-restores.ts';
import { largeWrites } from './rows/large-writes.ts';
import { logFlood } from './rows/log-flood.ts';
import { longChains } from './rows/long-chains.ts';
import { longLists } from './rows/long-lists.ts';
import { manyDirectories } from './rows/many-directories.ts';
import { manyFolders } from './rows/many-folders.ts';
import { namedStores } from './rows/named-stores.ts';
import { nodeHoard } from './rows/node-hoard.ts';
import { objectHoard } from './rows/object-hoard.ts';
import { optimiserHog, optimiserKiller, trialQueue } from './rows/optimiser.ts';
import { ownAddresses } from './rows/own-addresses.ts';
import { passwordGuesses } from './rows/password-guesses.ts';
import { pathFlood } from './rows/path-flood.ts';
import { randomCalls } from './rows/random-calls.ts';
import { rareSchedules } from './rows/rare-schedules.ts';
import { renameStorm } from './rows/rename-storm.ts';
import { resourceHoard } from './rows/resource-hoard.ts';
import { silentNames } from './rows/silent-names.ts';
import { sleepingMemory } from './rows/sleeping-memory.ts';
import { slowBodies } from './rows/slow-bodies.ts';
import { slowStarts } from './rows/slow-starts.ts';
import { storm } from './rows/storm.ts';
import { streamHoarders } from './rows/stream-hoard.ts';
import { untakenReplies } from './rows/untaken-replies.ts';
import { websocketMemory } from './rows/websocket-memory.ts';

export const attacks: readonly Attack[] = [
  allMemories,
  arrayCopy,
  busyAllocator,
  byteStreams,
  cacheFlood,
  closedWindows,
  cpuHog,
  dashboards,
  earlyBodies,
  exceptionHoard,
  firstRequests,
  freshFiles,
  fullSeats,
  fullStores,
  guestFiles,
  handlerBodies,
  http2Frames,
  http2Headers,
  idleTables,
  largeCopies,
  largeRestores,
  largeWrites,
  logFlood,
  longChains,
  longLists,
  manyDirectories,
  manyFolders,
  namedStores,
  nodeHoard,
  objectHoard,
  optimiserHog,
  optimiserKiller,
  ownAddresses,
  passwordGuesses,
  pathFlood,
  randomCalls,
  rareSchedules,
  renameStorm,
  resourceHoard,
  silentNames,
  sleepingMemory,
  slowBodies,
  slowStarts,
  storm,
  streamHoarders,
  trialQueue,
  untakenReplies,
  websocketMemory,
];
