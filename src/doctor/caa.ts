/**
 * `caa` of `terrafirma doctor`: whether the authority may issue that this daemon would ask
 * (RFC 8659). Touches DNS.
 */
import type { AcmeConfig } from '../config/config.ts';
import type { HostName } from '../names.ts';
import { type Asker, ask, isFound } from './addresses.ts';
import type { Finding } from './finding.ts';

/** Names in CAA records, by the host of an authority's directory. */
const issuers: readonly (readonly [directoryHost: RegExp, name: string])[] = [
  [/(^|\.)letsencrypt\.org$/, 'letsencrypt.org'],
  [/(^|\.)pki\.goog$/, 'pki.goog'],
  [/(^|\.)zerossl\.com$/, 'sectigo.com'],
  [/(^|\.)buypass\.com$/, 'buypass.com'],
  [/(^|\.)ssl\.com$/, 'ssl.com'],
];

/** Nothing where no certificate would be ordered. Never rejects for DNS. */
export async function checkCaa(
  hostName: HostName,
  resolver: Asker,
  acme: Pick<AcmeConfig, 'directories' | 'isAgreed'>,
): Promise<readonly Finding[]> {
  if (!acme.isAgreed) return [];
  const names = acme.directories.flatMap(issuerOf);
  const found = await findRecords(hostName, resolver);
  if (typeof found === 'string') return [{ mark: 'note', id: 'caa', text: found }];
  if (found === undefined) {
    return [{ mark: 'ok', id: 'caa', text: 'no CAA record: every authority may issue' }];
  }
  const allowed = found.records.flatMap((bytes) => issueValueOf(bytes) ?? []);
  const text = `CAA of ${found.name} allows ${allowed.join(', ') || 'nobody'}`;
  // Records of other kinds alone say nothing about who may issue.
  const isOpen = !found.records.some((bytes) => issueValueOf(bytes) !== undefined);
  if (isOpen || names.length === 0 || names.some((name) => allowed.includes(name))) {
    return [{ mark: isOpen || names.length > 0 ? 'ok' : 'note', id: 'caa', text }];
  }
  const only = allowed.length === 0 ? 'nobody' : `only ${allowed.join(', ')}`;
  const nextStep = `CAA allows ${only}: add \`0 issue "${names[0]}"\` at ${found.name}`;
  return [{ mark: 'bad', id: 'caa', text, nextStep }];
}

function issuerOf(directory: string): readonly string[] {
  const { hostname } = new URL(directory);
  return issuers.flatMap(([pattern, name]) => (pattern.test(hostname) ? [name] : []));
}

/** Those of the name, else of the nearest name above that has some (RFC 8659, section 3). */
async function findRecords(
  hostName: HostName,
  resolver: Asker,
): Promise<
  { readonly name: string; readonly records: readonly Uint8Array[] } | string | undefined
> {
  const labels = hostName.split('.');
  for (let above = 0; above < labels.length; above += 1) {
    const name = labels.slice(above).join('.');
    const answer = await ask(resolver, { name, type: 'CAA' });
    if (isFound(answer)) return { name, records: answer.records };
    if (typeof answer === 'string') return answer;
  }
  return undefined;
}

/** Of an `issue` property: the name of who may issue, without its parameters. */
function issueValueOf(bytes: Uint8Array): string | undefined {
  const [, tagLength = 0] = bytes;
  const tag = Buffer.from(bytes.subarray(2, 2 + tagLength)).toString('latin1');
  if (tag.toLowerCase() !== 'issue') return undefined;
  const value = Buffer.from(bytes.subarray(2 + tagLength)).toString('latin1');
  return (value.split(';')[0] ?? '').trim().toLowerCase();
}
