/** All attacks, a file of `rows/` each. */
import type { Attack } from './attack.ts';
import { allMemories } from './rows/all-memories.ts';
import { closedWindows } from './rows/closed-windows.ts';
import { cpuHog } from './rows/cpu-hog.ts';
import { earlyBodies } from './rows/early-bodies.ts';
import { http2Frames } from './rows/http2-frames.ts';
import { http2Headers } from './rows/http2-headers.ts';
import { idleTables } from './rows/idle-tables.ts';
import { logFlood } from './rows/log-flood.ts';
import { pathFlood } from './rows/path-flood.ts';
import { sleepingMemory } from './rows/sleeping-memory.ts';
import { untakenReplies } from './rows/untaken-replies.ts';

export const attacks: readonly Attack[] = [
  allMemories,
  closedWindows,
  cpuHog,
  earlyBodies,
  http2Frames,
  http2Headers,
  idleTables,
  logFlood,
  pathFlood,
  sleepingMemory,
  untakenReplies,
];
