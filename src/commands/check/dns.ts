/** The DNS half of `terrafirma check`. Touches the list of this machine's network addresses. */
import { networkInterfaces } from 'node:os';
import type { DnsConfig } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type FolderPath, type HostName, parseRecord, quoteReceived } from '../../names.ts';
import type { Records } from '../../outside/dns/ask.ts';
import type { Resolver } from '../../outside/dns/dns.ts';
import type { DnsQuestion } from '../../outside/dns/wire.ts';
import type { Finding } from './report.ts';

export interface DnsFindings {
  readonly findings: readonly Finding[];
  /** The folder that the record names, when there is one. */
  readonly folder: FolderPath | undefined;
}

/** A and AAAA, every TXT name, and what the daemon would make of them. Never rejects for DNS. */
export async function checkDns(
  hostName: HostName,
  resolver: Resolver,
  dns: DnsConfig,
): Promise<DnsFindings> {
  const findings = [...(await checkAddresses(hostName, resolver))];
  for (const label of dns.recordNames) {
    findings.push(await checkRecord(`${label}.${hostName}`, resolver, dns.recordKey));
  }
  const lookup = await resolver.record(hostName);
  if (lookup.kind === 'found') {
    const text = `the record means ${lookup.value.key}`;
    return {
      findings: [...findings, { mark: 'ok', subject: 'meaning', text }],
      folder: lookup.value,
    };
  }
  const { message } = lookup.error;
  return {
    findings: [...findings, { mark: 'bad', subject: 'meaning', text: message, nextStep: message }],
    folder: undefined,
  };
}

async function checkAddresses(hostName: HostName, resolver: Resolver): Promise<readonly Finding[]> {
  const answers = [
    { type: 'A', answer: await ask(resolver, { name: hostName, type: 'A' }) },
    { type: 'AAAA', answer: await ask(resolver, { name: hostName, type: 'AAAA' }) },
  ] as const;
  const hasAny = answers.some(
    ({ answer }) => typeof answer === 'object' && answer.kind === 'found',
  );
  return answers.map(({ type, answer }): Finding => {
    if (typeof answer === 'object' && answer.kind === 'found') {
      return { mark: 'ok', subject: type, text: answer.records.map(describeAddress).join(', ') };
    }
    const text = describeAbsence(answer);
    if (hasAny || type === 'AAAA') return { mark: 'note', subject: type, text };
    const nextStep = `Set an A record: ${hostName} A <the address of this machine>`;
    return { mark: 'bad', subject: type, text, nextStep };
  });
}

/** Whether the name points here cannot be known behind a NAT: said, not judged. */
function describeAddress(bytes: Uint8Array): string {
  const address = formatAddress(bytes);
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const isOwn = own.some((entry) => entry.address === address);
  return isOwn ? `${address} (this machine)` : `${address} (not of this machine itself)`;
}

function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const hex = Buffer.from(bytes).toString('hex');
  const groups = hex.match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

async function checkRecord(name: string, resolver: Resolver, key: string): Promise<Finding> {
  const answer = await ask(resolver, { name, type: 'TXT' });
  if (typeof answer === 'string' || answer.kind !== 'found') {
    // Only one of the names has to have a record; the meaning says whether any has.
    return { mark: 'note', subject: 'TXT', text: `${name}: ${describeAbsence(answer)}` };
  }
  const values = answer.records.map((record) => Buffer.from(record).toString('utf8'));
  const text = `${name}: ${values.map(quoteReceived).join(', ')}`;
  const fault = faultOf(values, key, name);
  if (fault?.code === 'bad-record') {
    return { mark: 'bad', subject: 'TXT', text, nextStep: fault.message };
  }
  return { mark: fault === undefined ? 'ok' : 'note', subject: 'TXT', text };
}

/** What visitors will be told of these values; undefined when they are a record. */
function faultOf(
  values: readonly string[],
  key: string,
  name: string,
): TerrafirmaError | undefined {
  try {
    parseRecord(values, key, name);
    return undefined;
  } catch (error) {
    if (error instanceof TerrafirmaError) return error;
    throw error;
  }
}

function describeAbsence(answer: Records | string): string {
  if (typeof answer === 'string') return answer;
  return answer.kind === 'empty' && answer.isNoName ? 'no such name' : 'no record';
}

/** The answer as it is, or why there is none. */
async function ask(resolver: Resolver, question: DnsQuestion): Promise<Records | string> {
  try {
    return await resolver.ask(question);
  } catch (error) {
    if (error instanceof TerrafirmaError) return error.message;
    throw error;
  }
}
