/**
 * `a`, `aaaa` and `cname` of `terrafirma doctor`: where a name leads. Touches DNS and the list of
 * this machine's network addresses.
 */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { TerrafirmaError } from '../errors.ts';
import type { HostName } from '../names.ts';
import type { Records } from '../outside/dns/ask.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import type { DnsQuestion } from '../outside/dns/wire.ts';
import type { Finding } from './finding.ts';

export type Asker = Pick<Resolver, 'ask'>;

export interface AddressFindings {
  readonly findings: readonly Finding[];
  /** Where visitors go, of both kinds. */
  readonly addresses: readonly string[];
  /** The name is another one. */
  readonly alias: string | undefined;
}

export interface Here {
  /** Where visitors reach this machine, as the operator says; none: nobody knows. */
  readonly publicAddresses: readonly string[];
}

/** Never rejects for DNS. */
export async function checkAddresses(
  hostName: HostName,
  resolver: Asker,
  here: Here,
): Promise<AddressFindings> {
  if (isLoopbackName(hostName)) return onLoopback;
  const ipv4 = await ask(resolver, { name: hostName, type: 'A' });
  const ipv6 = await ask(resolver, { name: hostName, type: 'AAAA' });
  const alias = await ask(resolver, { name: hostName, type: 'CNAME' });
  const [v4, v6] = [addressesOf(ipv4), addressesOf(ipv6)];
  const target = isFound(alias) ? Buffer.from(alias.records[0] ?? []).toString() : undefined;
  return {
    findings: [
      describeV4(hostName, { answer: ipv4, addresses: v4, hasOther: v6.length > 0 }, here),
      describeV6({ answer: ipv6, addresses: v6, hasOther: v4.length > 0 }, here),
      ...(target === undefined ? [] : [aliasFinding(hostName, target)]),
    ],
    addresses: [...v4, ...v6],
    alias: target,
  };
}

/** Names that every machine takes for itself and nobody asks for (RFC 6761, section 6.3). */
export function isLoopbackName(hostName: HostName): boolean {
  return hostName === 'localhost' || hostName.endsWith('.localhost');
}

const onLoopback: AddressFindings = {
  findings: [{ mark: 'ok', id: 'a', text: 'this machine itself: nobody reaches it from another' }],
  addresses: ['127.0.0.1'],
  alias: undefined,
};

function aliasFinding(hostName: HostName, target: string): Finding {
  return { mark: 'ok', id: 'cname', text: `${hostName} is a CNAME to ${target}` };
}

interface Asked {
  readonly answer: Records | string;
  readonly addresses: readonly string[];
  /** Whether the name has an address of the other kind. */
  readonly hasOther: boolean;
}

function describeV4(hostName: HostName, asked: Asked, here: Here): Finding {
  const { addresses, answer, hasOther } = asked;
  const own = here.publicAddresses.filter((address) => !isIPv6(address));
  if (addresses.length === 0) {
    const text = describeAbsence(answer);
    if (hasOther) return { mark: 'note', id: 'a', text };
    const [address = '<the address of this machine>'] = own;
    return {
      mark: 'bad',
      id: 'a',
      text,
      nextStep: `No address: set \`${hostName}. A ${address}\``,
    };
  }
  const text = addresses.map(describeAddress).join(', ');
  const stray = strayOf(addresses, own);
  if (stray === undefined) return { mark: 'ok', id: 'a', text };
  const nextStep =
    `Leads to ${stray}, not here (${own.join(', ')}): visitors reach another server; ` +
    `set \`${hostName}. A ${own[0]}\``;
  return { mark: 'bad', id: 'a', text, nextStep };
}

function describeV6({ addresses, answer }: Asked, here: Here): Finding {
  if (addresses.length === 0) return { mark: 'note', id: 'aaaa', text: describeAbsence(answer) };
  const text = addresses.map(describeAddress).join(', ');
  const own = here.publicAddresses.filter((address) => isIPv6(address));
  const stray = here.publicAddresses.length > 0 ? strayOf(addresses, own, true) : undefined;
  if (stray === undefined) return { mark: 'ok', id: 'aaaa', text };
  const nextStep = `IPv6 visitors go to ${stray}: remove the AAAA record or point it here`;
  return { mark: 'bad', id: 'aaaa', text, nextStep };
}

/** One that leads elsewhere; where nobody knows what is here, none does. */
function strayOf(
  addresses: readonly string[],
  own: readonly string[],
  isKnown = own.length > 0,
): string | undefined {
  if (!isKnown) return undefined;
  const known = new Set([...own, ...ownAddresses()]);
  return addresses.find((address) => !known.has(address));
}

/** Whether the name points here cannot be known behind a NAT: said, not judged. */
function describeAddress(address: string): string {
  const isOwn = ownAddresses().includes(address);
  return isOwn ? `${address} (this machine)` : `${address} (not of this machine itself)`;
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address }) => address);
}

function addressesOf(answer: Records | string): readonly string[] {
  return isFound(answer) ? answer.records.map(formatAddress) : [];
}

function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const hex = Buffer.from(bytes).toString('hex');
  const groups = hex.match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

export function isFound(answer: Records | string): answer is Extract<Records, { kind: 'found' }> {
  return typeof answer === 'object' && answer.kind === 'found';
}

export function describeAbsence(answer: Records | string): string {
  if (typeof answer === 'string') return answer;
  return answer.kind === 'empty' && answer.isNoName ? 'no such name' : 'no record';
}

/** The answer as it is, or why there is none. */
export async function ask(resolver: Asker, question: DnsQuestion): Promise<Records | string> {
  try {
    return await resolver.ask(question);
  } catch (error) {
    if (error instanceof TerrafirmaError) return error.message;
    throw error;
  }
}
