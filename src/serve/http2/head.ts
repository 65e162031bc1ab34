/** The head of an HTTP/2 request in the form in which HTTP/1.1 ones are read. Pure. */
import { inBytes } from '../../amounts.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { RawHead } from '../../http/request-head.ts';

/** What the head says about the body. */
export interface Http2Declared {
  readonly declaredBytes: number;
  readonly expectsContinue: boolean;
}

export interface Http2Head extends Http2Declared {
  readonly raw: RawHead;
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
  requireBytes(rawHeaders, headerBytesMax);
  const headers: string[] = [];
  const cookies: string[] = [];
  let [method, url] = ['', ''];
  let authority: string | undefined;
  let declaredBytes = 0;
  let expectsContinue = false;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (name === ':method') method = value;
    else if (name === ':path') url = value;
    else if (name === ':authority') authority = value;
    else if (name === 'cookie') cookies.push(value);
    else if (!name.startsWith(':')) headers.push(name, value);
    if (name === 'content-length') declaredBytes = Number(value) || 0;
    else if (name === 'expect') expectsContinue = value.toLowerCase() === '100-continue';
  }
  // Split over several fields for compression; whoever reads them next wants one (section 8.2.3).
  if (cookies.length > 0) headers.push('cookie', cookies.join('; '));
  if (method === 'CONNECT' || url === '') {
    const detail = 'Cannot serve the request: it needs a path: received none';
    throw new TerrafirmaError('bad-request', detail);
  }
  addHost(headers, authority);
  return {
    raw: { method, url, httpVersion: '2.0', rawHeaders: headers },
    declaredBytes,
    expectsContinue,
  };
}

function requireBytes(rawHeaders: readonly string[], headerBytesMax: number): void {
  let headerBytes = 0;
  for (const text of rawHeaders) headerBytes += text.length;
  if (headerBytes <= headerBytesMax) return;
  throw new TerrafirmaError(
    'headers-too-large',
    `Cannot accept the request: its headers may have at most ${inBytes(headerBytesMax)}: ` +
      `received ${headerBytes} bytes`,
  );
}

/** One Host, whether it came as `:authority`, as the header, or as both (section 8.3.1). */
function addHost(headers: string[], authority: string | undefined): void {
  if (authority === undefined) return;
  const hosts = headers.filter((_, index) => index % 2 === 1 && headers[index - 1] === 'host');
  if (hosts.length === 0) headers.unshift('host', authority);
  else if (hosts.length > 1 || hosts[0] !== authority) {
    const detail = 'Cannot serve the request: :authority and Host must be the same';
    throw new TerrafirmaError('bad-host', `${detail}: received different ones`);
  }
}
