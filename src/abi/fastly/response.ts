/** Responses: the answer to the visitor, and what came from back-ends. */
import { answering } from './declare.ts';
import type { FastlyGuest } from './guest.ts';
import { headerHostcalls } from './message-headers.ts';
import { readFraming, versionHostcalls } from './message-parts.ts';
import { status } from './status.ts';

const codeMin = 100;
const codeMax = 999;

export const responseHostcalls = [
  answering({
    name: 'new',
    params: [['response', 'out_handle']],
    spec: '#responses',
    meaning: 'with status 200',
    act: (guest, ptr) => {
      guest.requireRange(ptr, 4);
      const { run } = guest;
      guest.writeU32(ptr, run.responses.add(run.newResponse()));
    },
  }),

  ...headerHostcalls((guest, handle) => findResponse(guest, handle).headers),
  ...versionHostcalls(findResponse),

  answering({
    name: 'status_get',
    params: [
      ['h', 'handle'],
      ['http_status', 'out_number16'],
    ],
    spec: '#responses',
    act: (guest, handle, ptr) => guest.writeU16(ptr, findResponse(guest, handle).status),
  }),

  answering({
    name: 'status_set',
    params: [
      ['h', 'handle'],
      ['status', 'number'],
    ],
    spec: '#responses',
    meaning: '100 to 999',
    act: (guest, handle, code) => {
      const response = findResponse(guest, handle);
      if (code < codeMin || code > codeMax) return status.inval;
      response.status = code;
      return status.ok;
    },
  }),

  answering({
    name: 'close',
    params: [['h', 'handle']],
    spec: '#responses',
    act: (guest, handle) => {
      const response = guest.run.responses.take(handle);
      guest.run.held.release(response.headers.heldBytes);
    },
  }),

  answering({
    name: 'framing_headers_mode_set',
    params: [
      ['h', 'handle'],
      ['mode', 'number'],
    ],
    spec: '#framing',
    act: (guest, handle, mode) => {
      findResponse(guest, handle).framing = readFraming(mode);
    },
  }),

  answering({
    name: 'http_keepalive_mode_set',
    params: [
      ['h', 'handle'],
      ['mode', 'number'],
    ],
    spec: '#framing',
    meaning: '1: the connection ends after this answer',
    act: (guest, handle, mode) => {
      const response = findResponse(guest, handle);
      if (mode !== 0 && mode !== 1) return status.inval;
      response.endsConnection = mode === 1;
      return status.ok;
    },
  }),
];

export function findResponse(guest: FastlyGuest, handle: number) {
  return guest.run.responses.get(handle);
}
