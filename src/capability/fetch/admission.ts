/** The door of outbound HTTP: a guest's request, checked and in the form it is sent. Pure. */
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import type { Header } from '../../http/message.ts';
import type { OutboundRequest } from './contract.ts';
import { parseMethod, parseTarget, requestHeaders } from './headers.ts';
import { limitRefusal } from './refusals.ts';
import { isChunked, isStreamed, withoutEmptyStream } from './sent-body.ts';

export type AdmissionLimits = Pick<
  Limits,
  'outboundRequestBytesMax' | 'targetBytesMax' | 'headersMax' | 'headerBytesMax'
>;

/** @throws CapabilityRefusal */
export function admitRequest(
  request: OutboundRequest,
  options: { readonly limits: AdmissionLimits; readonly hops: number; readonly visit: string },
): OutboundRequest {
  const { limits } = options;
  if (request.url.length > limits.targetBytesMax) {
    const rule = `a URL has at most ${inBytes(limits.targetBytesMax)}`;
    throw limitRefusal(rule, `${request.url.length}`);
  }
  if (request.headers.length > limits.headersMax) {
    const rule = `a request has at most ${limits.headersMax} headers`;
    throw limitRefusal(rule, `${request.headers.length}`);
  }
  const headerBytes = countHeaderBytes(request.headers);
  if (headerBytes > limits.headerBytesMax) {
    const rule = `the headers of a request have at most ${inBytes(limits.headerBytesMax)}`;
    throw limitRefusal(rule, `${headerBytes}`);
  }
  return {
    ...request,
    method: parseMethod(request.method),
    url: parseTarget(request.url).href,
    headers: requestHeaders(request.headers, { ...options, isChunked: isChunked(request.body) }),
    body: admitBody(request.body, limits),
  };
}

/** What is sent piece by piece takes time, and not memory: the limit is for what is held. */
function admitBody(
  body: OutboundRequest['body'],
  { outboundRequestBytesMax }: AdmissionLimits,
): OutboundRequest['body'] {
  if (isStreamed(body)) return withoutEmptyStream(body);
  if (body.byteLength <= outboundRequestBytesMax) return ownedBytes(body);
  const rule = `the body of a request has at most ${inBytes(outboundRequestBytesMax)}`;
  throw limitRefusal(rule, `${body.byteLength}`);
}

/** A view of the guest's memory could change while it is sent: the guest may go on meanwhile. */
function ownedBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function countHeaderBytes(headers: readonly Header[]): number {
  const lineBytes = ': \r\n'.length;
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length + lineBytes, 0);
}
