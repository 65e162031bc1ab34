/** Name resolution for one run: the daemon's own resolver, counted. */
import type { Limits } from '../../config/config.ts';
import { quoteReceived } from '../../names.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { Resolve } from './contract.ts';

export type ResolveLimits = Pick<Limits, 'dnsQueriesPerRunMax'>;

/** RFC 1035, section 2.3.4, and a trailing dot. */
const nameCharsMax = 254;
/** RFC 1035, section 4.1.1: the header of a message; section 4.2.1: of one over UDP. */
const queryBytesMin = 12;
const queryBytesMax = 512;

/** Asks `asker` at most `dnsQueriesPerRunMax` times. Rejects with CapabilityRefusal. */
export class RunResolve implements Resolve {
  readonly #asker: Resolve;
  readonly #limits: ResolveLimits;
  #queries = 0;

  constructor(asker: Resolve, limits: ResolveLimits) {
    this.#asker = asker;
    this.#limits = limits;
  }

  async addresses(name: string, family: 4 | 6): Promise<readonly Uint8Array[]> {
    this.#count();
    if (name.length === 0 || name.length > nameCharsMax) {
      const rule = `a name has 1 to ${nameCharsMax} characters`;
      throw new CapabilityRefusal('input', `Cannot resolve: ${rule}: received ${name.length}`);
    }
    try {
      return await this.#asker.addresses(name, family);
    } catch (error) {
      throw failed(`received ${quoteReceived(name)}`, error);
    }
  }

  async exchange(query: Uint8Array): Promise<Uint8Array> {
    this.#count();
    if (query.byteLength < queryBytesMin || query.byteLength > queryBytesMax) {
      const rule = `a DNS query has ${queryBytesMin} to ${queryBytesMax} bytes`;
      throw new CapabilityRefusal('input', `Cannot resolve: ${rule}: received ${query.byteLength}`);
    }
    try {
      return await this.#asker.exchange(query.slice());
    } catch (error) {
      throw failed('received a query without answer', error);
    }
  }

  #count(): void {
    this.#queries += 1;
    if (this.#queries <= this.#limits.dnsQueriesPerRunMax) return;
    const rule = `a run may ask ${this.#limits.dnsQueriesPerRunMax} times`;
    throw new CapabilityRefusal('limit', `Cannot resolve: ${rule}: received one more`);
  }
}

function failed(received: string, cause: unknown): CapabilityRefusal {
  const message = `Cannot resolve: the name must resolve: ${received}`;
  return new CapabilityRefusal('dns', message, { cause });
}
