/** Hostcalls about the guest's memory. */
import type { HostcallFamily, TerrariumGuest } from './guest.ts';

export function mmHostcalls(guest: TerrariumGuest): HostcallFamily {
  return {
    /** Registers the allocator by its indices in table 0. The host never frees. */
    hostcall_init_mm: {
      waits: false,
      call: (mallocIndex: number, _freeIndex: number): void => {
        const isInstantiating = guest.currentRun === undefined;
        guest.allocator.register(mallocIndex, { isInstantiating });
      },
    },
  };
}
