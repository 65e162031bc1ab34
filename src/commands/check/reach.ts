/**
 * `http`, `https`, `certificate` and `end` of `terrafirma doctor`: asks as a visitor would, from
 * this machine. Touches the network, at the addresses of the name alone.
 */
import { once } from 'node:events';
import { request as askHttp, type IncomingMessage } from 'node:http';
import { request as askHttps } from 'node:https';
import { isIPv6 } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Finding } from '../../doctor/finding.ts';
import type { HostName } from '../../names.ts';

export interface Door {
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

const usualPorts = { http: 80, https: 443 } as const;
const waitMsMax = 5_000;
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

function describeAnswer(scheme: 'http' | 'https', at: string, { headers, status }: Seen): Finding {
  const id = scheme;
  if (headers['x-request-id'] === undefined) {
    return { mark: 'note', id, text: `another server answers at ${at}, with ${status}` };
  }
  const { location } = headers;
  const leads = location === undefined ? '' : `, to ${location}`;
  const text = `/ answers ${status} at ${at}${leads}; request ${headers['x-request-id']}`;
  if (status < 500) return { mark: 'ok', id, text };
  return { mark: 'bad', id, text, nextStep: `/ answers ${status}: see the log of that request` };
}

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
  response.destroy();
  return { status, headers, certificate, distrust };
}
