/** The head of an HTTP/2 request in the form in which HTTP/1.1 ones are read. Pure. */
import { inBytes } from '../../amounts.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { RawHead } from '../../http/request-head.ts';

export interface Http2Head {
  readonly raw: RawHead;
  readonly declaredBytes: number;
  readonly expectsContinue: boolean;
}

/**
 * Reads names and values in turn, pseudo-headers included (RFC 9113, section 8.3.1).
 *
 * @param headerBytesMax Names and values together; node counts only what is on the wire, which
 * compression makes as small as the client likes.
 * @throws TerrafirmaError `bad-request`, `bad-host` (an authority and another Host),
 * `headers-too-large`.
 */
export function readHttp2Head(rawHeaders: readonly string[], headerBytesMax: number): Http2Head {
  const headerBytes = rawHeaders.reduce((sum, text) => sum + text.length, 0);
  if (headerBytes > headerBytesMax) {
    throw new TerrafirmaError(
      'headers-too-large',
      `Cannot accept the request: its headers may have at most ${inBytes(headerBytesMax)}: ` +
        `received ${headerBytes} bytes`,
    );
  }
  const pseudo = new Map<string, string>();
  const headers: string[] = [];
  const cookies: string[] = [];
  let declaredBytes = 0;
  let expectsContinue = false;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (name.startsWith(':')) pseudo.set(name, value);
    else if (name === 'cookie') cookies.push(value);
    else headers.push(name, value);
    if (name === 'content-length') declaredBytes = Number(value) || 0;
    else if (name === 'expect') expectsContinue = value.toLowerCase() === '100-continue';
  }
  // Split over several fields for compression; whoever reads them next wants one (section 8.2.3).
  if (cookies.length > 0) headers.push('cookie', cookies.join('; '));
  const method = pseudo.get(':method') ?? '';
  const url = pseudo.get(':path') ?? '';
  if (method === 'CONNECT' || url === '') {
    const detail = 'Cannot serve the request: it needs a path: received none';
    throw new TerrafirmaError('bad-request', detail);
  }
  return {
    raw: { method, url, httpVersion: '2.0', rawHeaders: withHost(headers, pseudo) },
    declaredBytes,
    expectsContinue,
  };
}

/** One Host, whether it came as `:authority`, as the header, or as both (section 8.3.1). */
function withHost(headers: string[], pseudo: ReadonlyMap<string, string>): string[] {
  const authority = pseudo.get(':authority');
  if (authority === undefined) return headers;
  const hosts = headers.filter((_, index) => index % 2 === 1 && headers[index - 1] === 'host');
  if (hosts.length === 0) return ['host', authority, ...headers];
  if (hosts.length === 1 && hosts[0] === authority) return headers;
  const detail = 'Cannot serve the request: :authority and Host must be the same';
  throw new TerrafirmaError('bad-host', `${detail}: received different ones`);
}
