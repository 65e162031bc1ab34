/**
 * Sockets for guests' requests. Edge: TCP and TLS, and only to addresses that were judged: the
 * name is resolved once, what guests may not reach is dropped, and the socket gets the addresses
 * that remain instead of the name. So a name server that changes its mind gains nothing.
 */
import { type LookupFunction, connect as openTcp, type Socket } from 'node:net';
import { connect as openTls, TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { formatAddress, parseAddress } from '../networks.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { AddressFilter } from './addresses.ts';
import type { Backend } from './contract.ts';
import { FaultyRefusal } from './faults.ts';
import { tlsOptions } from './tls.ts';

/** Addresses of `name`, 4 or 16 bytes each. Rejects when there are none. */
export type Lookup = (name: string, family: 4 | 6) => Promise<readonly Uint8Array[]>;

export interface ConnectorOptions {
  readonly filter: AddressFilter;
  readonly lookup: Lookup;
  readonly timeoutMs: number;
  /** Of a back-end; left out: the usual. */
  readonly backend?: Backend | undefined;
}

/** How long one address may take before the next is tried beside it (RFC 8305, section 5). */
const nextAddressAfterMs = 250;
const addressesTriedMax = 8;
const loopbackAddresses = [
  Uint8Array.of(127, 0, 0, 1),
  Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
];

/**
 * A connector for undici. It ignores the Host header: TLS proves the name in the URL, or what a
 * back-end is set to.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  return (target, callback) => {
    openSocket(target, options).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(asError(error), null),
    );
  };
}

/**
 * The addresses of a host name or IP literal that guests may reach, at most 8, both families in
 * turn. Rejects with CapabilityRefusal when none is left.
 */
export async function reachableAddresses(
  { hostName, port }: { readonly hostName: string; readonly port: number },
  options: Pick<ConnectorOptions, 'filter' | 'lookup' | 'backend'>,
): Promise<readonly Uint8Array[]> {
  const literal = parseAddress(hostName);
  const found = literal === undefined ? await resolve(hostName, options) : [literal];
  const reachable: Uint8Array[] = [];
  let refusal = '';
  for (const address of found) {
    const reason = options.filter.refusalOf(address, port);
    if (reason === undefined) reachable.push(address);
    else refusal = `${formatAddress(address)}, ${reason}`;
  }
  if (reachable.length === 0) {
    const received = literal === undefined ? `${hostName}: ${refusal}` : refusal;
    throw unreachable(received);
  }
  return reachable.slice(0, addressesTriedMax);
}

async function resolve(
  hostName: string,
  { lookup, backend }: Pick<ConnectorOptions, 'lookup' | 'backend'>,
): Promise<readonly Uint8Array[]> {
  const prefersIpv4 = backend?.preferIpv4 === true;
  const name = hostName.replace(/\.$/, '');
  // These names are never asked for (RFC 6761, section 6.3).
  if (name === 'localhost' || name.endsWith('.localhost')) return loopbackAddresses;
  const [ipv4, ipv6] = await Promise.allSettled([lookup(name, 4), lookup(name, 6)]);
  const found4 = ipv4.status === 'fulfilled' ? ipv4.value : [];
  const found6 = ipv6.status === 'fulfilled' ? ipv6.value : [];
  const addresses = prefersIpv4 ? alternate(found4, found6) : alternate(found6, found4);
  if (addresses.length > 0) return addresses;
  const failed = [ipv4, ipv6].find(({ status }) => status === 'rejected');
  const cause = failed?.status === 'rejected' ? failed.reason : undefined;
  const rule = 'the name must have an address';
  throw new CapabilityRefusal('dns', `Cannot connect: ${rule}: received ${name}`, { cause });
}

/** One of each in turn: a machine without IPv6 must not wait for all of them (RFC 8305). */
function alternate(first: readonly Uint8Array[], second: readonly Uint8Array[]): Uint8Array[] {
  const mixed: Uint8Array[] = [];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    const one = first[at];
    const other = second[at];
    if (one !== undefined) mixed.push(one);
    if (other !== undefined) mixed.push(other);
  }
  return mixed;
}

async function openSocket(
  target: buildConnector.Options,
  options: ConnectorOptions,
): Promise<Socket> {
  const isTls = target.protocol === 'https:';
  const port = Number(target.port === '' ? (isTls ? 443 : 80) : target.port);
  const addresses = await reachableAddresses({ hostName: target.hostname, port }, options);
  const tcp = {
    host: target.hostname,
    port,
    lookup: answerWith(addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: nextAddressAfterMs,
    noDelay: true,
  };
  const socket = isTls
    ? openTls({ ...tcp, ...tlsOptions(target.hostname, options.backend) })
    : openTcp(tcp);
  await untilConnected(socket, {
    event: isTls ? 'secureConnect' : 'connect',
    timeoutMs: options.timeoutMs,
    host: target.host ?? target.hostname,
  });
  checkPeer(socket, port, options.filter);
  keepAwake(socket, options.backend);
  return options.backend?.grpc === true ? speakingHttp2(socket) : socket;
}

/** Only where the folder asks for it: what is left out is the system's usual. */
function keepAwake(socket: Socket, backend: Backend | undefined): void {
  if (backend?.tcpKeepAlive !== true) return;
  const { tcpKeepAliveIdleMs, tcpKeepAliveIntervalMs, tcpKeepAliveProbes } = backend;
  socket.setKeepAlive({
    enable: true,
    ...(tcpKeepAliveIdleMs === undefined ? {} : { initialDelay: tcpKeepAliveIdleMs }),
    ...(tcpKeepAliveIntervalMs === undefined ? {} : { interval: tcpKeepAliveIntervalMs }),
    ...(tcpKeepAliveProbes === undefined ? {} : { count: tcpKeepAliveProbes }),
  });
}

/** Without TLS nobody negotiates: the HTTP client goes by what the socket says. */
function speakingHttp2(socket: Socket): Socket {
  if (!(socket instanceof TLSSocket)) return Object.assign(socket, { alpnProtocol: 'h2' });
  if (socket.alpnProtocol === 'h2') return socket;
  socket.destroy();
  const message = 'Cannot connect: the server must speak HTTP/2: received one that does not';
  throw new FaultyRefusal('connection', message, { fault: { type: 'tls_protocol_error' } });
}

/** A lookup that knows nothing but the addresses that were judged. */
function answerWith(addresses: readonly Uint8Array[]): LookupFunction {
  const answers = addresses.map((address) => ({
    address: formatAddress(address),
    family: address.length === 4 ? 4 : 6,
  }));
  return (_name, lookupOptions, callback) => {
    const first = answers[0];
    if (lookupOptions.all === true) callback(null, answers);
    else if (first === undefined) callback(new Error('Cannot connect: no address'), '');
    else callback(null, first.address, first.family);
  };
}

function untilConnected(
  socket: Socket,
  options: { readonly event: string; readonly timeoutMs: number; readonly host: string },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    const rule = `connecting may take ${options.timeoutMs} ms`;
    socket.destroy();
    const message = `Cannot connect: ${rule}: received ${options.host}`;
    reject(new FaultyRefusal('timeout', message, { fault: { type: 'connection_timeout' } }));
  }, options.timeoutMs);
  const fail = (error: Error): void => {
    clearTimeout(timer);
    const received = `${options.host}: ${reasonOf(error)}`;
    const message = `Cannot connect: the server must accept the connection: received ${received}`;
    reject(new CapabilityRefusal('connection', message, { cause: error }));
  };
  // Never taken off: a socket without a listener for its error would end the thread.
  socket.on('error', fail);
  socket.once(options.event, () => {
    clearTimeout(timer);
    resolve();
  });
  return promise;
}

/** The last door: whatever happened above, the other end of this socket must be reachable. */
function checkPeer(socket: Socket, port: number, filter: AddressFilter): void {
  const peer = parseAddress(socket.remoteAddress ?? '');
  const reason = peer === undefined ? 'the connection was lost' : filter.refusalOf(peer, port);
  if (reason === undefined) return;
  socket.destroy();
  throw unreachable(reason);
}

/** Whoever has a back-end at home is told what to do, too. */
function unreachable(received: string): CapabilityRefusal {
  const rule =
    'guests reach public addresses only, and others that the operator allows (--allow-outbound)';
  const fault = { type: 'destination_ip_prohibited' } as const;
  return new FaultyRefusal('forbidden', `Cannot connect: ${rule}: received ${received}`, { fault });
}

/** A short reason: Node's code where there is one, and the first of several attempts. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return reasonOf(error.errors[0]);
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
