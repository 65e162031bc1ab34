/** All attacks, a file of `rows/` each. */
import type { Attack } from './attack.ts';
import { allMemories } from './rows/all-memories.ts';
import { closedWindows } from './rows/closed-windows.ts';
import { cpuHog } from './rows/cpu-hog.ts';
import { earlyBodies } from './rows/early-bodies.ts';
import { guestFiles } from './rows/guest-files.ts';
import { http2Frames } from './rows/http2-frames.ts';
import { http2Headers } from './rows/http2-headers.ts';
import { idleTables } from './rows/idle-tables.ts';
import { logFlood } from './rows/log-flood.ts';
import { manyDirectories } from './rows/many-directories.ts';
import { pathFlood } from './rows/path-flood.ts';
import { renameStorm } from './rows/rename-storm.ts';
import { sleepingMemory } from './rows/sleeping-memory.ts';
import { untakenReplies } from './rows/untaken-replies.ts';

export const attacks: readonly Attack[] = [
  allMemories,
  closedWindows,
  cpuHog,
  earlyBodies,
  guestFiles,
  http2Frames,
  http2Headers,
  idleTables,
  logFlood,
  manyDirectories,
  pathFlood,
  renameStorm,
  sleepingMemory,
  untakenReplies,
];
