/**
 * `http`, `https`, `certificate` and `end` of `terrafirma doctor`: asks as a visitor would, from
 * this machine. Touches the network, at the addresses of the name alone.
 */
import { once } from 'node:events';
import { request as askHttp, type IncomingMessage } from 'node:http';
import { request as askHttps } from 'node:https';
import { isIPv6 } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Finding, FindingMark } from '../../doctor/finding.ts';
import type { ErrorCode } from '../../errors.ts';
import type { HostName } from '../../names.ts';

export interface Door {
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

const usualPorts = { http: 80, https: 443 } as const;
const waitMsMax = 5_000;
const problemType = 'application/problem+json';
const refusalBytesMax = 64 * 1_024;
const addressesMax = 4;
const dayMs = 86_400_000;
const soonDays = 7;

/**
 * @param doors Where the daemon listens that runs here.
 * @param addresses Of the name.
 */
export async function checkReach(
  hostName: HostName,
  addresses: readonly string[],
  doors: readonly Door[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const scheme of ['http', 'https'] as const) {
    const own = doors.filter((door) => door.scheme === scheme);
    const [door] = own.filter(({ port }) => port === usualPorts[scheme]).concat(own);
    if (door === undefined) continue;
    for (const address of addresses.slice(0, addressesMax)) {
      findings.push(...(await knock(hostName, address, door)));
    }
  }
  return findings;
}

interface Seen {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly certificate: PeerCertificate | undefined;
  /** What the daemon itself says, where it is its own answer and no module's. */
  readonly refusal: { readonly code: string; readonly detail: string } | undefined;
  /** Why a browser would not trust it. */
  readonly distrust: string | undefined;
}

async function knock(hostName: HostName, address: string, door: Door): Promise<readonly Finding[]> {
  const { port, scheme } = door;
  const at = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
  try {
    const seen = await visit(hostName, address, door);
    return [
      describeAnswer(scheme, at, seen),
      ...(seen.certificate === undefined ? [] : [describeCertificate(seen, seen.certificate)]),
    ];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED') {
      const nextStep = `Port ${port} is closed here: let ${at} in, or listen there`;
      return [{ mark: 'bad', id: scheme, text: `port ${port} is closed at ${address}`, nextStep }];
    }
    // Another machine's address: whether the world reaches it cannot be seen from here.
    return [{ mark: 'note', id: scheme, text: `no answer at ${at} from here: ${message}` }];
  }
}

function describeAnswer(scheme: 'http' | 'https', at: string, seen: Seen): Finding {
  const { headers, refusal, status } = seen;
  const id = scheme;
  if (headers['x-request-id'] === undefined) {
    return { mark: 'note', id, text: `another server answers at ${at}, with ${status}` };
  }
  const { location } = headers;
  const leads = location === undefined ? '' : `, to ${location}`;
  const request = String(headers['x-request-id']);
  const why = refusal === undefined ? '' : `: ${refusal.detail}`;
  const text = `/ answers ${status} at ${at}${leads}${why}; request ${request}`;
  const mark = markOf(seen);
  if (mark !== 'bad') return { mark, id, text };
  const see = `terrafirma logs --request ${request}`;
  return { mark, id, text, nextStep: `/ answers ${status}${why}; see ${see}` };
}

/** What a module answers may be meant, but for failures; what the daemon refuses is not. */
function markOf({ refusal, status }: Seen): FindingMark {
  if (refusal === undefined) return status < 500 ? 'ok' : 'bad';
  return harmless.has(refusal.code) ? 'note' : 'bad';
}

/** Nothing is at `/`, which the row `index` tells; a password, which the owner has set. */
const harmless: ReadonlySet<string> = new Set<ErrorCode>(['not-found', 'unauthorized']);

function describeCertificate({ distrust }: Seen, certificate: PeerCertificate): Finding {
  const days = Math.floor((Date.parse(certificate.valid_to) - Date.now()) / dayMs);
  const { CN, O } = certificate.issuer;
  const issuer = [O, CN].flat().find((name) => name !== undefined) ?? 'nobody';
  const text = `of ${issuer}, ${days} days left`;
  const id = 'certificate';
  if (distrust !== undefined) {
    const nextStep = `Browsers do not trust it: ${distrust}`;
    return { mark: 'bad', id, text: `${text}; ${distrust}`, nextStep };
  }
  return { mark: days < soonDays ? 'note' : 'ok', id, text };
}

async function visit(hostName: HostName, address: string, door: Door): Promise<Seen> {
  const { port, scheme } = door;
  const isUsual = port === usualPorts[scheme];
  const options = {
    ...{ host: address, port, path: '/', method: 'GET', agent: false as const },
    headers: {
      host: isUsual ? hostName : `${hostName}:${port}`,
      'user-agent': 'terrafirma-doctor',
      // The daemon's own failures are told apart by that, and say their code.
      accept: `${problemType}, */*;q=0.5`,
    },
  };
  const outgoing =
    scheme === 'http'
      ? askHttp(options)
      : // What it shows is told; what it says is not used for anything.
        askHttps({ ...options, servername: hostName, rejectUnauthorized: false });
  outgoing.setTimeout(waitMsMax, () => outgoing.destroy(new Error('no answer in time')));
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const { headers, statusCode: status = 0 } = response;
  const socket = response.socket as TLSSocket;
  const isTls = scheme === 'https';
  const certificate = isTls ? socket.getPeerCertificate() : undefined;
  const distrust = isTls && !socket.authorized ? String(socket.authorizationError) : undefined;
  const refusal = await readRefusal(response);
  response.destroy();
  return { status, headers, certificate, distrust, refusal };
}

/** Undefined where it is none of the daemon's (RFC 9457), or not whole in time. */
async function readRefusal(response: IncomingMessage): Promise<Seen['refusal']> {
  const { headers, statusCode = 0 } = response;
  if (statusCode < 400 || headers['content-type'] !== problemType) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > refusalBytesMax) return undefined;
    chunks.push(chunk);
  }
  try {
    const { code, detail } = JSON.parse(Buffer.concat(chunks).toString());
    return typeof code === 'string' ? { code, detail: String(detail) } : undefined;
  } catch {
    // A module may answer what it likes.
    return undefined;
  }
}
