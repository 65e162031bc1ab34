/** A guest's request and body as they go to a back-end. */
import type { Backend, OutboundRequest } from '../../../capability/fetch/contract.ts';
import { PassedBody, type ReadBody } from '../../../http/body.ts';
import type { Body } from '../../objects/body.ts';
import type { HeaderMap } from '../../objects/headers.ts';
import type { RequestObject } from '../../objects/messages.ts';
import type { ReadyItem } from '../../objects/ready.ts';

/** Up to this size a body that is here leaves in one write with its head. */
const wholeBytesMax = 64 * 1024;
const lengthPattern = /^\d{1,15}$/;
const whole = /^https?:\/\//i;

export interface Outgoing {
  readonly request: RequestObject;
  readonly body: Uint8Array | ReadBody;
  /** Where the body is still written: nothing leaves before something of it is there. */
  readonly written?: ReadyItem | undefined;
  readonly name: string;
  readonly backend: Backend;
  /** Whatever is kept, and nothing is. */
  readonly isPastCache?: boolean;
}

export function toOutbound({ request, body, name, backend }: Outgoing): OutboundRequest {
  return {
    method: request.method,
    url: urlFor(request.url, backend),
    headers: request.headers.lines(),
    body: request.framing === 'by-headers' ? framed(body, request.headers) : body,
    backend: name,
    decodesGzip: request.decodesGzip,
  };
}

/** All of a body, which is gone then: as one piece where it is small and here. */
export function takeBody(body: Body): Uint8Array | ReadBody {
  const isSmall = (body.knownBytes ?? Number.POSITIVE_INFINITY) <= wholeBytesMax;
  return (isSmall ? body.takeWhole() : undefined) ?? body.handOver();
}

/** Where the guest names no host it means the back-end's own. */
export function urlFor(uri: string, { address }: Backend): string {
  if (whole.test(uri)) return uri;
  const path = uri.startsWith('/') ? uri : `/${uri}`;
  return `${address.isTls ? 'https' : 'http'}://${address.host}:${address.port}${path}`;
}

/** Of the length that its fields say, or of none; what they say badly is not listened to. */
function framed(body: Uint8Array | ReadBody, headers: HeaderMap): Uint8Array | ReadBody {
  const lengths = headers.values('content-length');
  const codings = headers.values('transfer-encoding');
  const [length = ''] = lengths;
  const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked';
  if (lengths.length > 1 || (codings.length > 0 && !isChunked)) return body;
  if (isChunked) return ofLength(body, undefined);
  return lengthPattern.test(length) ? ofLength(body, Number(length)) : body;
}

function ofLength(body: Uint8Array | ReadBody, knownBytes: number | undefined): ReadBody {
  const pieces: Omit<ReadBody, 'knownBytes'> = body instanceof Uint8Array ? ofBytes(body) : body;
  return new PassedBody(pieces, { knownBytes });
}

/** A body that is here. */
export function ofBytes(bytes: Uint8Array): Omit<ReadBody, 'knownBytes'> {
  let rest: Uint8Array | undefined = bytes.length === 0 ? undefined : bytes;
  const take = (): Uint8Array | undefined => {
    const piece = rest;
    rest = undefined;
    return piece;
  };
  return { read: () => Promise.resolve(take()), cancel: () => void take() };
}
