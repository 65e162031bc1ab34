/** `/v1/dns` and `/v1/certificates`: what is known of host names, and asking anew. */
import { type HostName, parseHostName } from '../../names.ts';
import type { Lookup } from '../../outside/dns/lookup-cache.ts';
import type { KeptCertificate } from '../../tls/certificates.ts';
import { stateAt } from '../../tls/due-index.ts';
import {
  type AdminRequest,
  countOf,
  json,
  notThere,
  type Route,
  refuse,
  rowsMax,
} from '../request.ts';
import type { AdminWorld } from '../world.ts';

type NameWorld = Pick<
  AdminWorld,
  'certificates' | 'clockMs' | 'doctor' | 'isOwnName' | 'journal' | 'nowMs' | 'resolver' | 'threads'
>;
type Json = Readonly<Record<string, unknown>>;

export function nameRoutes(world: NameWorld): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/dns/{}',
      answer({ params: [text = ''] }) {
        const hostName = readName(text);
        return json(describeRecord(world, hostName, world.resolver.known(hostName)));
      },
    },
    {
      method: 'POST',
      path: '/v1/dns/{}/refresh',
      answer: async (request) => json(await refresh(world, request)),
    },
    {
      method: 'GET',
      path: '/v1/doctor/{}',
      async answer({ params: [text = ''] }) {
        const host = readName(text);
        return json({ host, findings: await world.doctor.look(host) });
      },
    },
    {
      method: 'GET',
      path: '/v1/certificates',
      answer: async (request) => json(await listCertificates(world, request)),
    },
    {
      method: 'POST',
      path: '/v1/certificates/{}/renew',
      answer: async (request) => json(await renew(world, request)),
    },
  ];
}

function readName(text: string): HostName {
  try {
    return parseHostName(text);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'it must be a host name', text);
  }
}

function describeRecord(
  { clockMs }: NameWorld,
  hostName: HostName,
  lookup: Lookup<{ readonly key: string }> | undefined,
): Json {
  if (lookup === undefined) return { host: hostName, state: 'unknown' };
  const holdsForMs = Math.max(0, Math.round(lookup.expiresAtMs - clockMs()));
  if (lookup.kind === 'found') {
    return { host: hostName, state: 'found', folder: lookup.value.key, holdsForMs };
  }
  const { code, message: detail } = lookup.error;
  return { host: hostName, state: 'failed', error: { code, detail }, holdsForMs };
}

/** Forgets what is known, here and on every thread, and looks it up. */
async function refresh(
  world: NameWorld,
  { actor, params: [text = ''] }: AdminRequest,
): Promise<Json> {
  const hostName = readName(text);
  const { journal, resolver, threads } = world;
  resolver.forget(hostName);
  threads.tell({ kind: 'forget-name', hostName });
  journal.tell('operator-action', { action: 'dns-refresh', target: hostName, actor });
  return describeRecord(world, hostName, await resolver.record(hostName));
}

async function listCertificates(world: NameWorld, request: AdminRequest): Promise<Json> {
  const certificates = world.certificates();
  if (certificates === undefined) return { own: [], certificates: [], cursor: null };
  const limit = countOf(request, 'limit', { fallback: 100, min: 1, max: rowsMax });
  const after = request.query.get('cursor');
  const listed = await certificates.list(after === null ? undefined : readName(after), limit);
  const { isOwnName } = world;
  const own = listed.own.map(({ names, notAfterMs }) => ({ names, notAfter: iso(notAfterMs) }));
  const kept = listed.kept
    .filter(({ hostName }) => isOwnName?.(hostName) ?? true)
    .map((certificate) => describeCertificate(certificate, world.nowMs()));
  const cursor = listed.kept.length < limit ? null : (listed.kept.at(-1)?.hostName ?? null);
  return { own: isOwnName === undefined ? own : [], certificates: kept, cursor };
}

function describeCertificate(certificate: KeptCertificate, nowMs: number): Json {
  const { directoryUrl, failure, hostName, issuedAtMs, notAfterMs, renewAtMs } = certificate;
  return {
    host: hostName,
    state: stateAt(nowMs, { notAfterMs, renewAtMs }),
    issuer: directoryUrl,
    issuedAt: iso(issuedAtMs),
    notAfter: iso(notAfterMs),
    renewAt: iso(renewAtMs),
    lastError: failure?.reason ?? null,
    failures: failure?.failures ?? 0,
    nextTryAt: failure === undefined ? null : iso(failure.untilMs),
  };
}

async function renew(
  { certificates, journal }: NameWorld,
  { actor, params: [text = ''] }: AdminRequest,
): Promise<Json> {
  const hostName = readName(text);
  journal.tell('operator-action', { action: 'renew', target: hostName, actor });
  const end = await certificates()?.renew(hostName);
  if (end === undefined) return notThere('certificate of ACME', hostName);
  if (end.kind === 'issued') {
    return { host: hostName, renewed: true, notAfter: iso(end.certificate.notAfterMs) };
  }
  return { host: hostName, renewed: false, reason: end.refusal.reason };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
