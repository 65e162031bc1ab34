/** The first lines of both messages, and who asks. */
import { isFinalStatus } from '../../http/status.ts';
import { isToken } from '../../http/token.ts';
import { hostcall, text, textLength, textRoom } from './declare.ts';
import type { HandlerGuest } from './guest.ts';
import { requireChangeable } from './phases.ts';

const targetPattern = /^\/[\x21-\x22\x24-\x7e\x80-\xff]*$/;

export const headHostcalls = [
  hostcall({
    name: 'get_method',
    params: textRoom,
    results: textLength,
    waits: false,
    meaning: '',
    spec: '',
    call: (guest) => (ptr, limit) => guest.giveText(ptr, limit, guest.run.request.method),
  }),
  hostcall({
    name: 'set_method',
    params: text('method'),
    results: [],
    waits: false,
    meaning: '',
    spec: '',
    call: (guest) => (ptr, len) => {
      const method = guest.readText(ptr, len);
      requireChangeable(guest, 'request', 'set the method');
      if (!isToken(method)) {
        guest.trap('Cannot set the method: it must be a token: received another text');
      }
      guest.run.request.method = method;
    },
  }),
  hostcall({
    name: 'get_uri',
    params: textRoom,
    results: textLength,
    waits: false,
    meaning: 'path and query',
    spec: '',
    call: (guest) => (ptr, limit) => guest.giveText(ptr, limit, guest.run.request.target),
  }),
  hostcall({
    name: 'set_uri',
    params: text('uri'),
    results: [],
    waits: false,
    meaning: 'path and query; empty is `/`',
    spec: '',
    call: (guest) => (ptr, len) => setTarget(guest, guest.readText(ptr, len) || '/'),
  }),
  hostcall({
    name: 'get_protocol_version',
    params: textRoom,
    results: textLength,
    waits: false,
    meaning: '`HTTP/1.1`, `HTTP/2.0`',
    spec: '',
    call: (guest) => (ptr, limit) =>
      guest.giveText(ptr, limit, `HTTP/${guest.run.exchange.request.httpVersion}`),
  }),
  hostcall({
    name: 'get_source_addr',
    params: textRoom,
    results: textLength,
    waits: false,
    meaning: "the visitor's address and port",
    spec: '',
    call: (guest) => (ptr, limit) => {
      const { clientAddress, clientPort } = guest.run.exchange.request;
      const address = clientAddress.includes(':') ? `[${clientAddress}]` : clientAddress;
      return guest.giveText(ptr, limit, `${address}:${clientPort}`);
    },
  }),
  hostcall({
    name: 'get_status_code',
    params: [],
    results: [['status_code', 'number']],
    waits: false,
    meaning: '200 where nobody has said another',
    spec: '',
    call: (guest) => () => guest.run.response.status,
  }),
  hostcall({
    name: 'set_status_code',
    params: [['status_code', 'number']],
    results: [],
    waits: false,
    meaning: '200 to 599',
    spec: '',
    call: (guest) => (status) => {
      requireChangeable(guest, 'response', 'set the status');
      if (!isFinalStatus(status)) {
        guest.trap(`Cannot set the status: it must be from 200 to 599: received ${status >>> 0}`);
      }
      guest.run.hasAnswered = true;
      guest.run.response.status = status;
    },
  }),
];

function setTarget(guest: HandlerGuest, target: string): void {
  requireChangeable(guest, 'request', 'set the URI');
  if (!targetPattern.test(target)) {
    const rule = 'it must be a path that begins with / and perhaps a query';
    guest.trap(`Cannot set the URI: ${rule}: received another text`);
  }
  guest.run.request.target = target;
}
