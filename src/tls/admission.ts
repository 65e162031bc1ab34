/**
 * Whether a certificate may be ordered for a name that somebody named in a handshake: rules that
 * cost nothing first, then DNS. "It resolves to us" is no proof of anything: Mallory's wildcard
 * record resolves every name she can think of.
 */
import { randomBytes } from 'node:crypto';
import { TerrafirmaError } from '../errors.ts';
import type { FolderKey, HostName } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import { type Refusal, registeredNameOf } from './gate.ts';

/** What the daemon says about a name that is really served here. */
export interface ServedName {
  readonly folderKey: FolderKey;
  /** Whether the folder itself lists the name: then nobody guessed it. */
  readonly isListed: boolean;
}

export interface AdmissionOptions {
  /** Rejects with TerrafirmaError when the name is not served here. */
  readonly servedName: (hostName: HostName, clientAddress?: string) => Promise<ServedName>;
  readonly resolver: Pick<Resolver, 'record' | 'addresses'>;
  /** Where visitors reach us, canonical; empty when the operator did not say. */
  readonly publicAddresses: readonly string[];
}

/** The longest name that authorities take; one label has no registered name. */
const nameCharsMax = 253;
const notServedHoldsMs = 10_000;
const dnsHoldsMs = 30_000;
const wildcardHoldsMs = 600_000;

export type AdmissionVerdict =
  | { readonly kind: 'admitted'; readonly folderKey: FolderKey }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Never rejects but for errors of ours.
   *
   * @param clientAddress Who named it in a handshake.
   */
  async judge(hostName: HostName, clientAddress?: string): Promise<AdmissionVerdict> {
    const byName = refuseByName(hostName);
    if (byName !== undefined) return { kind: 'refused', refusal: byName };
    try {
      const served = await this.#options.servedName(hostName, clientAddress);
      const refusal =
        (await this.#refuseByAddress(hostName)) ??
        (served.isListed ? undefined : await this.#refuseWildcard(hostName, served.folderKey));
      if (refusal !== undefined) return { kind: 'refused', refusal };
      return { kind: 'admitted', folderKey: served.folderKey };
    } catch (error) {
      if (!(error instanceof TerrafirmaError) || error.code === 'internal') throw error;
      const refusal = { reason: error.message, holdsMs: notServedHoldsMs };
      return { kind: 'refused', refusal };
    }
  }

  /** No address, or by the operator's word none of ours: the authority could not reach us. */
  async #refuseByAddress(hostName: HostName): Promise<Refusal | undefined> {
    const { publicAddresses } = this.#options;
    const [ipv4, ipv6] = await Promise.all([
      this.#addresses(hostName, 4),
      this.#addresses(hostName, 6),
    ]);
    const found = [...ipv4, ...ipv6];
    if (found.length === 0) {
      return { reason: 'the name has no A or AAAA record', holdsMs: dnsHoldsMs };
    }
    if (publicAddresses.length === 0) return undefined;
    if (found.some((address) => publicAddresses.includes(address))) return undefined;
    return {
      reason: 'no A or AAAA record of the name is one of acme.public_addresses',
      holdsMs: dnsHoldsMs,
    };
  }

  async #addresses(hostName: HostName, family: 4 | 6): Promise<readonly string[]> {
    try {
      const found = await this.#options.resolver.addresses(hostName, family);
      return found.map(canonicalAddress);
    } catch (error) {
      // No such address, or the servers failed: either way there is none to count on.
      if (error instanceof TerrafirmaError && error.code !== 'internal') return [];
      throw error;
    }
  }

  /**
   * A sibling that nobody can have set up leads to the same folder: the record is a wildcard
   * (RFC 4592), and this name may be one of a million that a program makes up.
   */
  async #refuseWildcard(hostName: HostName, folderKey: FolderKey): Promise<Refusal | undefined> {
    if (registeredNameOf(hostName) === hostName) return undefined;
    const parent = hostName.slice(hostName.indexOf('.') + 1);
    const sibling = `${randomBytes(12).toString('hex')}.${parent}` as HostName;
    const lookup = await this.#options.resolver.record(sibling);
    if (lookup.kind === 'found') {
      if (lookup.value.key !== folderKey) return undefined;
      const rule = 'its record is a wildcard, so the folder must list the name in host_names';
      return { reason: rule, holdsMs: wildcardHoldsMs };
    }
    const isAbsent = lookup.error.code === 'no-record' || lookup.error.code === 'bad-record';
    if (isAbsent) return undefined;
    return { reason: lookup.error.message, holdsMs: dnsHoldsMs };
  }
}

/** What no public authority would issue; addresses and underscores are no host names at all. */
function refuseByName(hostName: HostName): Refusal | undefined {
  const isPublicName = hostName.includes('.') && hostName.length <= nameCharsMax;
  if (isPublicName && registeredNameOf(hostName) !== undefined) return undefined;
  return { reason: 'the name must be registered below a public suffix', holdsMs: 3_600_000 };
}

/** An IP address in the form in which addresses are compared: its bytes in hexadecimal. */
export function canonicalAddress(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
