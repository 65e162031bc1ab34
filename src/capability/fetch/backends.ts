/** The back-ends of one run: those of its folder, and those that it adds itself. */
import { CapabilityRefusal } from '../refusal.ts';
import type { Backend, BackendHealth, Backends } from './contract.ts';
import { type FetchGrant, requireGranted } from './grant.ts';

/** A folder defines 64 at most; a run adds no more. */
const addedMax = 64;

export class RunBackends implements Backends {
  readonly #grant: FetchGrant;
  readonly #healthOf: (backend: Backend) => BackendHealth;
  #added: Map<string, Backend> | undefined;

  constructor(grant: FetchGrant, healthOf: (backend: Backend) => BackendHealth) {
    this.#grant = grant;
    this.#healthOf = healthOf;
  }

  find(name: string): Backend | undefined {
    return this.#grant.backends.get(name) ?? this.#added?.get(name);
  }

  /**
   * The back-end that a URL names as its host, and the URL at its server. Only a name without a dot
   * can be one: no name of the Internet is covered up.
   */
  namedBy(url: string): { readonly backend: string; readonly url: string } | undefined {
    const read = URL.parse(url);
    if (read === null || read.host.includes('.')) return undefined;
    const backend = this.#grant.backends.get(read.host);
    if (backend === undefined) return undefined;
    const target = `${originOf(backend)}${read.pathname}${read.search}`;
    return { backend: read.host, url: target };
  }

  isAdded(name: string): boolean {
    return this.#added?.has(name) ?? false;
  }

  healthOf(name: string): BackendHealth {
    const backend = this.find(name);
    return backend === undefined ? 'unknown' : this.#healthOf(backend);
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
    requireGranted(this.#grant, url.href);
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
