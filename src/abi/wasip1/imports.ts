/** All imports a program may have, in the order of the specification's families. */
import type { Hostcall, ImportTable } from '../abi.ts';
import { clockHostcalls } from './clock.ts';
import { fdHostcalls } from './fd.ts';
import { fdBytesHostcalls } from './fd-bytes.ts';
import type { WasiGuest } from './guest.ts';
import { COMPILER, PREVIEW1, UNSTABLE } from './judge.ts';
import { pathHostcalls } from './path.ts';
import { pollHostcalls } from './poll.ts';
import { procHostcalls, randomHostcalls, schedHostcalls, sockHostcalls } from './small.ts';
import { argsHostcalls, environHostcalls } from './strings.ts';

export function listImports(guest: WasiGuest): ImportTable {
  const hostcalls = new Map(
    Object.entries({
      ...argsHostcalls(guest),
      ...environHostcalls(guest),
      ...clockHostcalls(guest),
      ...fdHostcalls(guest),
      ...fdBytesHostcalls(guest),
      ...pathHostcalls(guest),
      ...pollHostcalls(guest),
      ...procHostcalls(guest),
      ...schedHostcalls(guest),
      ...randomHostcalls(guest),
      ...sockHostcalls(guest),
    }),
  );
  return new Map([
    [PREVIEW1, hostcalls],
    [UNSTABLE, hostcalls],
    [COMPILER, compilerImports],
  ]);
}

const compilerImports: ReadonlyMap<string, Hostcall> = new Map([
  [
    'emscripten_notify_memory_growth',
    // It tells JavaScript that views are stale; ours never are.
    { waits: false, call: (_memoryIndex: number): void => undefined },
  ],
]);
