/**
 * Hostcalls that read a request: the incoming one (handle 0), or one the guest is still writing.
 * They have no error result: for an unknown handle both out-words are 0.
 */
import type { Given, HostcallFamily, TerrariumGuest } from './guest.ts';
import type { ReadableRequest } from './outbound-state.ts';

const requestIncoming = 0;

export function requestHostcalls(guest: TerrariumGuest): HostcallFamily {
  return {
    /** `GET` */
    hostcall_req_get_method: {
      waits: false,
      call: (ptr: number, len: number, handle: number): Given => {
        const out = { ptr, len };
        return guest.give(out, () => guest.giveBytes(out, findRequest(guest, handle).method));
      },
    },

    /** Path and query, the module's own name included: `/hello.wasm?x=1` (A6). */
    hostcall_req_get_path: {
      waits: false,
      call: (ptr: number, len: number, handle: number): Given => {
        const out = { ptr, len };
        return guest.give(out, () => guest.giveBytes(out, findRequest(guest, handle).path));
      },
    },

    /** The whole body, every time (A10), as received (A11). */
    hostcall_req_get_body: {
      waits: true,
      call: (ptr: number, len: number, handle: number): Given => {
        const out = { ptr, len };
        return guest.give(out, () => guest.giveBytes(out, findRequest(guest, handle).body));
      },
    },

    /** Lower-case names, once each (A4). */
    hostcall_req_get_headers: {
      waits: true,
      call: (ptr: number, len: number, handle: number): Given => {
        const out = { ptr, len };
        return guest.give(out, () =>
          guest.giveList(out, [...findRequest(guest, handle).headers.keys()]),
        );
      },
    },

    /** All values of the name, whatever its case; none is the empty list. */
    hostcall_req_get_header: {
      waits: true,
      call: (ptr: number, len: number, handle: number, namePtr: number, nameLen: number): Given => {
        const out = { ptr, len };
        return guest.give(out, () => {
          const name = guest.readText(namePtr, nameLen, guest.limits.headerBytesMax);
          const { headers } = findRequest(guest, handle);
          return guest.giveList(out, headers.get(name.toLowerCase()) ?? []);
        });
      },
    },
  };
}

function findRequest({ run }: TerrariumGuest, handle: number): ReadableRequest {
  return handle === requestIncoming ? run.request : run.outbound.requests.get(handle);
}
