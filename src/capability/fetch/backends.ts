/** The back-ends of one run: those of its folder, and those that it adds itself. */
import type { Limits } from '../../config/config.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { Backend, BackendHealth, Backends, BackendTimes } from './contract.ts';
import { type FetchGrant, requireGranted } from './grant.ts';
import { timesOf } from './times.ts';

/** A folder defines 64 at most; a run adds no more. */
const addedMax = 64;

export interface RunBackendsOptions {
  readonly grant: FetchGrant;
  readonly healthOf: (backend: Backend) => BackendHealth;
  readonly limits: Pick<Limits, 'outboundTimeoutMs'>;
}

export class RunBackends implements Backends {
  readonly #options: RunBackendsOptions;
  #added: Map<string, Backend> | undefined;

  constructor(options: RunBackendsOptions) {
    this.#options = options;
  }

  find(name: string): Backend | undefined {
    return this.#options.grant.backends.get(name) ?? this.#added?.get(name);
  }

  names(): Iterable<string> {
    return [...this.#options.grant.backends.keys(), ...(this.#added?.keys() ?? [])];
  }

  /**
   * The back-end that a URL names as its host, and the URL at its server. Only a name without a dot
   * can be one: no name of the Internet is covered up.
   */
  namedBy(url: string): { readonly backend: string; readonly url: string } | undefined {
    const read = URL.parse(url);
    if (read === null || read.host.includes('.')) return undefined;
    const backend = this.#options.grant.backends.get(read.host);
    if (backend === undefined) return undefined;
    const target = `${originOf(backend)}${read.pathname}${read.search}`;
    return { backend: read.host, url: target };
  }

  isAdded(name: string): boolean {
    return this.#added?.has(name) ?? false;
  }

  healthOf(name: string): BackendHealth {
    const backend = this.find(name);
    return backend === undefined ? 'unknown' : this.#options.healthOf(backend);
  }

  timesOf(backend: Backend): BackendTimes {
    return timesOf(backend, this.#options.limits);
  }

  add(name: string, backend: Backend): void {
    if (this.find(name) !== undefined) throw refuse('input', 'its name must be free', 'one taken');
    this.#added ??= new Map();
    if (this.#added.size >= addedMax) {
      throw refuse('limit', `a run may add ${addedMax}`, 'one more');
    }
    const { isTls, host, port } = backend.address;
    const url = URL.parse(`${isTls ? 'https' : 'http'}://${host}:${port}`);
    if (url === null) throw refuse('input', 'its address must be a host and a port', 'another');
    requireGranted(this.#options.grant, url.href);
    this.#added.set(name, backend);
  }

  /** @throws CapabilityRefusal `input` for a name that there is not */
  require(name: string): Backend {
    const backend = this.find(name);
    if (backend !== undefined) return backend;
    const message = 'Cannot fetch: the back-end must be one that is there: received another name';
    throw new CapabilityRefusal('input', message);
  }
}

/** The origin of its requests, as URLs have it. */
export function originOf({ address }: Backend): string {
  return new URL(`${address.isTls ? 'https' : 'http'}://${address.host}:${address.port}`).origin;
}

/** Where a request goes at its server: what the back-end puts before comes first. */
export function pathFor({ address }: Backend, { pathname, search }: URL): string {
  return `${address.path ?? ''}${pathname}${search}`;
}

/**
 * The Host header: the back-end's own, or what the request says, or the authority of its URL, which
 * does not choose the server.
 */
export function hostFor(
  backend: Backend,
  request: { readonly url: string; readonly headers: readonly (readonly [string, string])[] },
): string {
  const named = request.headers.find(([name]) => name.toLowerCase() === 'host')?.[1];
  return backend.host ?? named ?? new URL(request.url).host;
}

function refuse(kind: 'input' | 'limit', rule: string, received: string): CapabilityRefusal {
  return new CapabilityRefusal(kind, `Cannot add the back-end: ${rule}: received ${received}`);
}
