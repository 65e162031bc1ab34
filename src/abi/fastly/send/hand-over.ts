/**
 * The visitor's request, handed over to a back-end: its answer is the answer, and where both agree
 * on a WebSocket, the two talk to each other until they have ended. The guest need not wait.
 */
import type { Backend, Fetch, OutboundRequest } from '../../../capability/fetch/contract.ts';
import { noBytes, type ReadBody } from '../../../http/body.ts';
import { isLeftToDaemon } from '../../../http/connection-headers.ts';
import type { LateReply } from '../../../http/late-reply.ts';
import type { Header, RequestHead } from '../../../http/message.ts';
import { answering, text, unsupported } from '../declare.ts';
import { downstream, type ReceivedRequest } from '../downstream/downstream.ts';
import type { FastlyGuest } from '../guest.ts';
import { findRequest } from '../request.ts';
import { type Given, status } from '../status.ts';
import { findBackend, type NamedBackend } from './backend.ts';
import { takeBody, urlFor } from './outgoing.ts';

/** The handshake is the visitor's: a guest can neither make it nor change it. */
const ofVisitor = /^(?:sec-websocket-(?:key|version|extensions)|content-range|expect|cdn-loop)$/;

export const handOverHostcalls = [
  unsupported('upgrade_websocket', '#handing-over', [...text('backend_name')]),

  answering({
    name: 'redirect_to_websocket_proxy',
    params: [...text('backend_name')],
    spec: '#handing-over',
    meaning: 'the request as it was received',
    act: (guest, ptr, len) => handOver(guest, received(guest), findBackend(guest, ptr, len)),
  }),

  answering({
    name: 'redirect_to_grip_proxy',
    params: [...text('backend_name')],
    spec: '#handing-over',
    meaning: 'there is no GRIP proxy: a reply that holds the connection is refused',
    act: (guest, ptr, len) =>
      handOver(guest, received(guest), findBackend(guest, ptr, len), refuseHold),
  }),

  answering({
    name: 'redirect_to_websocket_proxy_v2',
    params: [['h', 'handle'], ...text('backend_name')],
    spec: '#handing-over',
    meaning: 'the request with the method, path and fields of `h`',
    act: (guest, handle, ptr, len) =>
      handOver(guest, edited(guest, handle), findBackend(guest, ptr, len)),
  }),

  answering({
    name: 'redirect_to_grip_proxy_v2',
    params: [['h', 'handle'], ...text('backend_name')],
    spec: '#handing-over',
    act: (guest, handle, ptr, len) =>
      handOver(guest, edited(guest, handle), findBackend(guest, ptr, len), refuseHold),
  }),
];

function handOver(
  guest: FastlyGuest,
  handed: ReceivedRequest,
  to: NamedBackend,
  check: (reply: LateReply) => LateReply = (reply) => reply,
): Given {
  const { run } = guest;
  const { exchange, capabilities } = run;
  if (exchange.replyState !== 'none') return status.error;
  const request = outboundOf(handed, exchange.request, to);
  const body = exchange.upgradeWanted === undefined ? bodyOfVisitor(guest) : noBytes;
  const protocol = exchange.upgradeWanted;
  exchange.sendLater(async (signal) =>
    check(await open(capabilities.fetch, { request: { ...request, body }, protocol, signal })),
  );
  return status.ok;
}

interface Opening {
  readonly request: OutboundRequest;
  readonly protocol: string | undefined;
  readonly signal: AbortSignal;
}

async function open(fetch: Fetch, { request, protocol, signal }: Opening): Promise<LateReply> {
  if (protocol !== undefined) {
    const { head, body } = await fetch.openTunnel({ ...request, body: noBytes, protocol }, signal);
    return { head: { ...head, headers: forVisitor(head.headers) }, body };
  }
  const { status: code, headers, body } = await fetch.open(request, signal);
  return { head: { status: code, headers: forVisitor(headers) }, body };
}

function forVisitor(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !isLeftToDaemon(name));
}

/** Without its body. The Host header is the back-end's: it answers in place of this site. */
function outboundOf(
  handed: ReceivedRequest,
  visitor: RequestHead,
  { name, backend }: NamedBackend,
) {
  const kept = handed.headers.filter(([each]) => {
    const lower = each.toLowerCase();
    return lower !== 'host' && !ofVisitor.test(lower);
  });
  const own = visitor.headers.filter(([each]) => ofVisitor.test(each));
  return {
    method: handed.method,
    url: urlFor(handed.url, backend),
    headers: [['host', hostOf(backend)] as const, ...kept, ...own],
    backend: name,
  };
}

function hostOf({ host, address }: Backend): string {
  const usualPort = address.isTls ? 443 : 80;
  return host ?? (address.port === usualPort ? address.host : `${address.host}:${address.port}`);
}

function received({ run }: FastlyGuest): ReceivedRequest {
  return run.of(downstream).received;
}

/** @throws HandleError */
function edited(guest: FastlyGuest, handle: number): ReceivedRequest {
  const { method, url, headers } = findRequest(guest, handle);
  return { method, url, headers: headers.lines() };
}

/** As far as the guest has left it; none where it has taken it elsewhere. */
function bodyOfVisitor({ run }: FastlyGuest): Uint8Array | ReadBody {
  const { handles } = run.of(downstream);
  const body = run.bodies.find(handles.body);
  if (body === undefined || body.isStreaming) return noBytes;
  run.bodies.drop(handles.body);
  return takeBody(body);
}

/** A server that speaks GRIP asks its proxy to hold the connection: nobody here would. */
function refuseHold(reply: LateReply): LateReply {
  const holds = reply.head.headers.some(
    ([name, value]) =>
      name === 'grip-hold' ||
      (name === 'content-type' && value.startsWith('application/grip-instruct')),
  );
  if (!holds) return reply;
  if ('cancel' in reply.body) reply.body.cancel();
  else reply.body.destroy();
  const message = 'Cannot hand over: there is no GRIP proxy: received a reply that needs one';
  throw new Error(message);
}
