/**
 * Hostcalls that read a request: the incoming one (handle 0), or one the guest is still writing.
 * They have no error result: for an unknown handle both out-words are 0.
 */
import { headerName, hostcall, outBytes, outList, outText } from './declare.ts';
import type { TerrariumGuest } from './guest.ts';
import type { ReadableRequest } from './outbound-state.ts';

const requestIncoming = 0;

export const requestHostcalls = [
  hostcall({
    name: 'hostcall_req_get_method',
    params: [...outText, ['request', 'handle']],
    results: [],
    waits: false,
    meaning: '`GET`',
    spec: 'A13',
    call: (guest) => (ptr, len, handle) => {
      const out = { ptr, len };
      return guest.give(out, () => guest.giveBytes(out, findRequest(guest, handle).method));
    },
  }),

  hostcall({
    name: 'hostcall_req_get_path',
    params: [...outText, ['request', 'handle']],
    results: [],
    waits: false,
    meaning: 'path and query, as in `/hello.wasm/a?x=1`',
    spec: 'A6',
    call: (guest) => (ptr, len, handle) => {
      const out = { ptr, len };
      return guest.give(out, () => guest.giveBytes(out, findRequest(guest, handle).path));
    },
  }),

  hostcall({
    name: 'hostcall_req_get_body',
    params: [...outBytes, ['request', 'handle']],
    results: [],
    waits: true,
    meaning: 'the whole body as it came, every time',
    spec: 'A10, A11',
    call: (guest) => (ptr, len, handle) => {
      const out = { ptr, len };
      return guest.give(out, () => guest.giveBytes(out, findRequest(guest, handle).body));
    },
  }),

  hostcall({
    name: 'hostcall_req_get_headers',
    params: [...outList, ['request', 'handle']],
    results: [],
    waits: true,
    meaning: 'the list of names, in lower case, each once',
    spec: 'A4, A5',
    call: (guest) => (ptr, len, handle) => {
      const out = { ptr, len };
      return guest.give(out, () =>
        guest.giveList(out, [...findRequest(guest, handle).headers.keys()]),
      );
    },
  }),

  hostcall({
    name: 'hostcall_req_get_header',
    params: [...outList, ['request', 'handle'], ...headerName],
    results: [],
    waits: true,
    meaning: 'the list of values of that name, whatever its case',
    spec: 'A4',
    call: (guest) => (ptr, len, handle, namePtr, nameLen) => {
      const out = { ptr, len };
      return guest.give(out, () => {
        const name = guest.readText(namePtr, nameLen, guest.limits.headerBytesMax);
        const { headers } = findRequest(guest, handle);
        return guest.giveList(out, headers.get(name.toLowerCase()) ?? []);
      });
    },
  }),
];

function findRequest({ run }: TerrariumGuest, handle: number): ReadableRequest {
  return handle === requestIncoming ? run.request : run.outbound.requests.get(handle);
}
