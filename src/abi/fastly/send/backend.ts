/** What is known of back-ends. */
import type { Backend, BackendHealth, TlsVersion } from '../../../capability/fetch/contract.ts';
import { quoteReceived } from '../../../names/quote.ts';
import type { DeclaredHostcall } from '../../hostcall.ts';
import { answering, room, text } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FastlyRun } from '../run.ts';
import { FastlyFault, type Given, status } from '../status.ts';

export const nameBytesMax = 1_024;
const healthNumbers: Readonly<Record<BackendHealth, number>> = {
  unknown: 0,
  healthy: 1,
  unhealthy: 2,
};
/** In the order of their numbers. */
export const tlsVersions: readonly TlsVersion[] = ['1.0', '1.1', '1.2', '1.3'];
const msPerSecond = 1_000;
/** Of back-ends that there are, where a guest names another. */
const namesToldMax = 10;

export interface NamedBackend {
  readonly name: string;
  readonly backend: Backend;
}

/** @throws FastlyFault `inval`, also where there is none of that name */
export function findBackend(guest: FastlyGuest, ptr: number, len: number): NamedBackend {
  const name = guest.readText(ptr, len, nameBytesMax);
  const backend = guest.run.capabilities.fetch.backends.find(name);
  if (backend !== undefined) return { name, backend };
  guest.run.of(unknownNames).tell(name);
  throw new FastlyFault('inval');
}

/** Guests hear no more than `inval`, and kits tell no more: the owner hears of the first. */
class UnknownNames {
  readonly #capabilities: FastlyRun['capabilities'];
  #isTold = false;

  constructor({ capabilities }: FastlyRun) {
    this.#capabilities = capabilities;
  }

  tell(name: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { fetch, log } = this.#capabilities;
    const known = [...fetch.backends.names()];
    const named = known.slice(0, namesToldMax).map(quoteReceived);
    if (known.length > named.length) named.push(`and ${known.length - named.length} more`);
    const there = named.length === 0 ? 'the folder has none' : `known: ${named.join(', ')}`;
    log.write('warn', `there is no back-end ${quoteReceived(name)}; ${there}`);
  }
}

function unknownNames(run: FastlyRun): UnknownNames {
  return new UnknownNames(run);
}

export const backendHostcalls = [
  answering({
    name: 'exists',
    params: [...text('backend'), ['backend_exists', 'out_number']],
    spec: '#back-ends',
    act: (guest, ptr, len, out) => {
      guest.requireRange(out, 4);
      const name = guest.readText(ptr, len, guest.memoryBytes);
      const backend = guest.run.capabilities.fetch.backends.find(name);
      guest.writeU32(out, backend === undefined ? 0 : 1);
    },
  }),

  number('is_healthy', 'backend_health', '0 unknown, 1 healthy, 2 unhealthy', (guest, { name }) => {
    return healthNumbers[guest.run.capabilities.fetch.backends.healthOf(name)];
  }),
  number('is_dynamic', 'is_dynamic', '1: the guest has added it itself', (guest, { name }) => {
    return guest.run.capabilities.fetch.backends.isAdded(name) ? 1 : 0;
  }),

  answering({
    name: 'get_host',
    params: [...text('backend'), ...room('value')],
    spec: '#back-ends',
    act: (guest, namePtr, nameLen, ptr, len, written) => {
      const { backend } = findBackend(guest, namePtr, nameLen);
      return guest.give({ ptr, len, written }, backend.address.host);
    },
  }),

  answering({
    name: 'get_override_host',
    params: [...text('backend'), ...room('value')],
    spec: '#back-ends',
    meaning: '`none` where it is not set',
    act: (guest, namePtr, nameLen, ptr, len, written) => {
      const { host } = findBackend(guest, namePtr, nameLen).backend;
      return host === undefined ? status.none : guest.give({ ptr, len, written }, host);
    },
  }),

  answering({
    name: 'get_port',
    params: [...text('backend'), ['port', 'out_number16']],
    spec: '#back-ends',
    act: (guest, namePtr, nameLen, ptr) => {
      guest.writeU16(ptr, findBackend(guest, namePtr, nameLen).backend.address.port);
    },
  }),

  time('get_connect_timeout_ms', 'connectMs'),
  time('get_first_byte_timeout_ms', 'firstByteMs'),
  time('get_between_bytes_timeout_ms', 'betweenBytesMs'),
  time('get_http_keepalive_time', 'keepAliveMs'),
  number('get_tcp_keepalive_enable', 'is_keepalive', '', (_guest, { backend }) => {
    return backend.tcpKeepAlive === true ? 1 : 0;
  }),
  number('get_tcp_keepalive_interval', 'timeout_secs', '', (_guest, { backend }) => {
    return seconds(backend.tcpKeepAliveIntervalMs);
  }),
  number('get_tcp_keepalive_probes', 'probe_count', '', (_guest, { backend }) => {
    return backend.tcpKeepAliveProbes ?? 0;
  }),
  number('get_tcp_keepalive_time', 'timeout_secs', '', (_guest, { backend }) => {
    return seconds(backend.tcpKeepAliveIdleMs);
  }),
  number('is_ssl', 'is_ssl', '', (_guest, { backend }) => (backend.address.isTls ? 1 : 0)),
  tlsVersion('get_ssl_min_version', ({ tlsMin = '1.2' }) => tlsMin),
  tlsVersion('get_ssl_max_version', ({ tlsMax = '1.3' }) => tlsMax),
];

/** A function that gives one number of a back-end. */
function number(
  name: string,
  out: string,
  meaning: string,
  read: (guest: FastlyGuest, named: NamedBackend) => number,
): DeclaredHostcall<FastlyGuest> {
  return answering({
    name,
    params: [...text('backend'), [out, 'out_number']],
    spec: '#back-ends',
    meaning,
    act: (guest, namePtr, nameLen, ptr) => {
      guest.requireRange(ptr, 4);
      guest.writeU32(ptr, read(guest, findBackend(guest, namePtr, nameLen)));
    },
  });
}

type TimeName = 'connectMs' | 'firstByteMs' | 'betweenBytesMs' | 'keepAliveMs';

function time(name: string, which: TimeName): DeclaredHostcall<FastlyGuest> {
  return number(name, 'timeout_ms', '', (guest, { backend }) => {
    return guest.run.capabilities.fetch.backends.timesOf(backend)[which];
  });
}

function tlsVersion(
  name: string,
  read: (backend: Backend) => TlsVersion,
): DeclaredHostcall<FastlyGuest> {
  return answering({
    name,
    params: [...text('backend'), ['tls_version', 'out_number']],
    spec: '#back-ends',
    meaning: '0 to 3: TLS 1.0 to 1.3; `none` without TLS',
    act: (guest, namePtr, nameLen, ptr): Given => {
      guest.requireRange(ptr, 4);
      const { backend } = findBackend(guest, namePtr, nameLen);
      if (!backend.address.isTls) return status.none;
      return guest.writeU32(ptr, tlsVersions.indexOf(read(backend)));
    },
  });
}

function seconds(ms: number | undefined): number {
  return ms === undefined ? 0 : Math.ceil(ms / msPerSecond);
}
