/**
 * All that a WASI program may import, in the order of the specification's families. All of it is
 * always there: a module may import what it never calls.
 */
import { byName, type HostcallTable } from '../hostcall.ts';
import { clockHostcalls } from './clock.ts';
import { compilerHostcalls } from './compilers.ts';
import { fdHostcalls, fileStat } from './fd.ts';
import { fdBytesHostcalls } from './fd-bytes.ts';
import { fdReaddir } from './fd-readdir.ts';
import type { WasiGuest } from './guest.ts';
import { preview1Layout, unstableLayout } from './layout.ts';
import { pathHostcalls, pathStat } from './path.ts';
import { pollOneoff } from './poll.ts';
import { procHostcalls } from './proc.ts';
import { randomHostcalls } from './random.ts';
import { seek } from './seek.ts';
import { httpHostcalls } from './send-http.ts';
import { sockHostcalls } from './sock.ts';
import { argsHostcalls, environHostcalls } from './strings.ts';

/** The modules that a program imports from. */
export const preview1 = 'wasi_snapshot_preview1';
export const unstable = 'wasi_unstable';
export const compiler = 'env';
export const http = 'http';

/** The 46 functions of preview1. */
export const preview1Hostcalls = byName(
  argsHostcalls,
  environHostcalls,
  clockHostcalls,
  fdHostcalls,
  fdBytesHostcalls,
  fdReaddir,
  pathHostcalls,
  [pollOneoff(preview1Layout)],
  procHostcalls,
  randomHostcalls,
  sockHostcalls,
);

/** Those whose records changed after snapshot 0. */
const changedHostcalls = byName([
  fileStat(unstableLayout),
  seek(unstableLayout),
  pathStat(unstableLayout),
  pollOneoff(unstableLayout),
]);

export const wasip1Table: HostcallTable<WasiGuest> = new Map([
  [preview1, preview1Hostcalls],
  [unstable, new Map([...preview1Hostcalls, ...changedHostcalls])],
  [compiler, byName(compilerHostcalls)],
  [http, byName(httpHostcalls)],
]);
