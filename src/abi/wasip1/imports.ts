/** All imports a program may have, in the order of the specification's families. */
import type { Hostcall } from '../hostcall.ts';
import { clockHostcalls } from './clock.ts';
import { fdHostcalls, fileStatHostcall } from './fd.ts';
import { fdBytesHostcalls } from './fd-bytes.ts';
import type { HostcallFamily, WasiGuest } from './guest.ts';
import { compiler, http, preview1, unstable } from './judge.ts';
import { unstableLayout } from './layout.ts';
import { pathHostcalls, pathStatHostcall } from './path.ts';
import { pollHostcall, pollHostcalls } from './poll.ts';
import { seekHostcall } from './seek.ts';
import { httpHostcalls } from './send-http.ts';
import { procHostcalls, randomHostcalls, schedHostcalls, sockHostcalls } from './small.ts';
import { argsHostcalls, environHostcalls } from './strings.ts';

export function listImports(guest: WasiGuest): ReadonlyMap<string, ReadonlyMap<string, Hostcall>> {
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
    [preview1, hostcalls],
    [unstable, new Map([...hostcalls, ...Object.entries(unstableHostcalls(guest))])],
    [compiler, new Map(Object.entries(compilerHostcalls(guest)))],
    [http, new Map(Object.entries(httpHostcalls(guest)))],
  ]);
}

/** Those whose records changed after snapshot 0. */
function unstableHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    fd_filestat_get: fileStatHostcall(guest, unstableLayout),
    fd_seek: seekHostcall(guest, unstableLayout),
    path_filestat_get: pathStatHostcall(guest, unstableLayout),
    poll_oneoff: pollHostcall(guest, unstableLayout),
  };
}

function compilerHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    // It tells JavaScript that views are stale; ours never are.
    emscripten_notify_memory_growth: {
      waits: false,
      call: (_memoryIndex: number): void => undefined,
    },
    // The upper half of an i64 result, and what setjmp returns.
    getTempRet0: { waits: false, call: (): number => guest.highBits },
    setTempRet0: {
      waits: false,
      call: (bits: number): void => {
        guest.highBits = bits;
      },
    },
  };
}
