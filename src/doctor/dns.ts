/**
 * The records of `terrafirma doctor`: `txt`, `ttl`, `wildcard`, and what they mean. Touches DNS.
 */
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import { type FolderPath, type HostName, parseRecord, quoteReceived } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import { registeredNameOf } from '../tls/gate.ts';
import { ask, checkAddresses, describeAbsence, isFound, isLoopbackName } from './addresses.ts';
import { checkCaa } from './caa.ts';
import type { Finding } from './finding.ts';

export type NameResolver = Pick<Resolver, 'ask' | 'record'>;

export interface DnsFindings {
  readonly findings: readonly Finding[];
  /** The folder that the record names, when there is one. */
  readonly folder: FolderPath | undefined;
  /** Where visitors go. */
  readonly addresses: readonly string[];
}

/** A record that holds so long is worth a word before it is changed. */
const longTtlS = 300;

/** Everything that DNS says, and what the daemon would make of it. Never rejects for DNS. */
export async function checkDns(
  hostName: HostName,
  resolver: NameResolver,
  { acme, dns }: Pick<Config, 'acme' | 'dns'>,
): Promise<DnsFindings> {
  const { addresses, alias, findings } = await checkAddresses(hostName, resolver, acme);
  const records: Finding[] = [];
  for (const label of dns.recordNames) {
    records.push(...(await checkRecord(`${label}.${hostName}`, resolver, dns.recordKey)));
  }
  const lookup = await resolver.record(hostName);
  // No authority gives a certificate for a name that is everybody's.
  const caa = isLoopbackName(hostName) ? [] : await checkCaa(hostName, resolver, acme);
  const before = [...findings, ...records];
  if (lookup.kind === 'found') {
    const { value: folder } = lookup;
    const text = `the record means ${folder.key}`;
    const wildcard = await checkWildcard(hostName, { resolver, folder, acme });
    const meaning: Finding = { mark: 'ok', id: 'meaning', text };
    return { findings: [...before, meaning, ...wildcard, ...caa], folder, addresses };
  }
  const { message } = lookup.error;
  const isAbsent = lookup.error.code === 'no-record';
  const hint = isAbsent ? await findMisplaced(hostName, { resolver, alias, dns }) : undefined;
  const id = hint?.id ?? 'meaning';
  const [label = '_keybase_pages'] = dns.recordNames;
  const bySelf = 'Serve a folder by its path, under every name: terrafirma serve ./folder';
  const record = isLoopbackName(hostName)
    ? bySelf
    : `Set \`${label}.${hostName}. TXT "${dns.recordKey}=/keybase/private/you,bot/"\``;
  const nextStep = hint?.nextStep ?? (isAbsent ? record : message);
  const meaning: Finding = { mark: 'bad', id, text: message, nextStep };
  return { findings: [...before, meaning, ...caa], folder: undefined, addresses };
}

async function checkRecord(
  name: string,
  resolver: NameResolver,
  key: string,
): Promise<readonly Finding[]> {
  const answer = await ask(resolver, { name, type: 'TXT' });
  if (!isFound(answer)) {
    // Only one of the names has to have a record; the meaning says whether any has.
    return [{ mark: 'note', id: 'txt', text: `${name}: ${describeAbsence(answer)}` }];
  }
  const values = answer.records.map((record) => Buffer.from(record).toString('utf8'));
  const text = `${name}: ${values.map(quoteReceived).join(', ')}`;
  const fault = faultOf(values, key, name);
  const isWrong = fault?.code === 'bad-record';
  const record: Finding = isWrong
    ? { mark: 'bad', id: 'txt', text, nextStep: stepFor(values, key, fault) }
    : { mark: fault === undefined ? 'ok' : 'note', id: 'txt', text };
  return [record, describeTtl(answer.ttlS)];
}

function stepFor(values: readonly string[], key: string, fault: TerrafirmaError): string {
  const count = values.filter((value) => value.startsWith(`${key}=`)).length;
  const words = count === 2 ? 'Two values begin' : `${count} values begin`;
  return count > 1 ? `${words} with ${key}=: remove all but one (${fault.message})` : fault.message;
}

function describeTtl(ttlS: number): Finding {
  const time = ttlS < 120 ? `${ttlS} s` : `${Math.round(ttlS / 60)} min`;
  if (ttlS <= longTtlS) return { mark: 'ok', id: 'ttl', text: `resolvers remember it for ${time}` };
  return { mark: 'note', id: 'ttl', text: `Resolvers remember the old answer for ${time}` };
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

/** Where people set the record instead of where it is asked for. */
async function findMisplaced(
  hostName: HostName,
  from: {
    readonly resolver: NameResolver;
    readonly alias: string | undefined;
    readonly dns: Config['dns'];
  },
): Promise<{ readonly id: string; readonly nextStep: string } | undefined> {
  const { alias, dns, resolver } = from;
  const [label = '_keybase_pages'] = dns.recordNames;
  const has = async (name: string): Promise<boolean> => {
    const answer = await ask(resolver, { name, type: 'TXT' });
    if (!isFound(answer)) return false;
    const start = `${dns.recordKey}=`;
    return answer.records.some((bytes) => Buffer.from(bytes).toString('utf8').startsWith(start));
  };
  if (await has(hostName)) {
    const nextStep = `It is at ${hostName} itself: move it to \`${label}.${hostName}\``;
    return { id: 'txt', nextStep };
  }
  // With the name and with the zone, which the form of a registrar adds to what is typed.
  const zones = new Set([hostName, registeredNameOf(hostName) ?? hostName]);
  for (const zone of zones) {
    const name = `${label}.${hostName}.${zone}`;
    if (!(await has(name))) continue;
    const text = `The registrar appended the zone: it is at \`${name}\``;
    const nextStep = `${text}; set it as \`${label}\``;
    return { id: 'txt', nextStep };
  }
  if (alias !== undefined && (await has(`${label}.${alias}`))) {
    const at = `\`${label}.${hostName}\``;
    const nextStep =
      `\`${hostName}\` is a CNAME to ${alias}, but the TXT record is asked at ${at}: ` +
      'set it there, too';
    return { id: 'cname', nextStep };
  }
  return undefined;
}

/** As the daemon asks before it orders: a sibling that nobody has set up. */
async function checkWildcard(
  hostName: HostName,
  from: {
    readonly resolver: NameResolver;
    readonly folder: FolderPath;
    readonly acme: Config['acme'];
  },
): Promise<readonly Finding[]> {
  const { acme, folder, resolver } = from;
  if (registeredNameOf(hostName) === hostName || !acme.isAgreed) return [];
  const parent = hostName.slice(hostName.indexOf('.') + 1);
  const sibling = `${randomBytes(12).toString('hex')}.${parent}` as HostName;
  const lookup = await resolver.record(sibling);
  if (lookup.kind !== 'found' || lookup.value.key !== folder.key) return [];
  const text = `\`*.${parent}\` answers the same`;
  return [{ mark: 'note', id: 'wildcard', text }];
}
