/**
 * What lies in the engine for an installation: makes it at the first start, and checks at every
 * start that it is still the one that this node knows, made as it must be. Edge: NATS. Nothing that
 * is gone is made anew by itself: an engine that was emptied must not look like a fresh one.
 */
import { randomBytes } from 'node:crypto';
import { StoreError } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import { EngineError, type Link, NoAnswer, readAnswer } from './link.ts';
import { apiFirstMs, type Patience, untilAnswered } from './patience.ts';
import { Places } from './places.ts';
import { allStreamConfigs, differenceOf, type StreamConfig } from './streams.ts';

/** What a node remembers of the installation, in its state directory. */
export interface KnownInstallation {
  readonly id: string;
  /** By stream: when it was made, as the engine writes it. */
  readonly created: Readonly<Record<string, string>>;
  /** By stream: the highest sequence that was ever acknowledged to this node. */
  readonly sequences: Readonly<Record<string, number>>;
}

export interface InstallationOptions {
  readonly link: Link;
  readonly name: string;
  readonly shards: number;
  readonly replicas: number;
  /** Undefined at the first start, and after the operator adopted what is there. */
  readonly known: KnownInstallation | undefined;
  /** Never makes anything: for whoever only looks. */
  readonly onlyLooks?: boolean;
}

export interface OpenedInstallation {
  readonly places: Places;
  readonly known: KnownInstallation;
}

/** The engine does not hold what this node knows to be there: it was emptied, or set back. */
export class LostInstallation extends StoreError {
  constructor(rule: string, received: string) {
    const next = 'put it back, or begin anew with "terrafirma cluster adopt"';
    super('refused', `Cannot use the shared store: ${rule}: received ${received}; ${next}`);
  }
}

interface Found {
  readonly created: string;
  readonly lastSequence: number;
}

const streamGoneCode = 10_059;
const nameInUseCode = 10_058;
const notFoundCode = 10_037;
/** Another node was first, or is about to be. */
const wrongSequenceCodes = new Set([10_071, 10_164]);
/** Of several nodes that make a stream at once the engine answers only the last one. */
const makeMs = 2_000;
/** A stream of several servers has no leader in its first seconds. */
const leaderWaitMs = 20_000;
const versionMin = [2, 15, 1] as const;
const payloadBytesMin = 8 * 1024 * 1024;
const format = 1;

/** Rejects with StoreError `refused` for what an operator must mend, else `unavailable`. */
export async function openInstallation(options: InstallationOptions): Promise<OpenedInstallation> {
  requireServer(options.link);
  try {
    return await open(options);
  } catch (cause) {
    if (cause instanceof EngineError) throw refused(`the engine must do it`, cause.message, cause);
    if (!(cause instanceof NoAnswer)) throw cause;
    throw unavailable('its engine must answer: received nothing', { cause });
  }
}

async function open(options: InstallationOptions): Promise<OpenedInstallation> {
  const { known, link, name, replicas, shards } = options;
  const places = new Places(name, shards);
  const created: Record<string, string> = {};
  const sequences: Record<string, number> = {};
  for (const config of allStreamConfigs(places, replicas)) {
    const stream = String(config.name);
    const found = await openStream(options, config);
    requireSame(stream, found, known);
    created[stream] = found.created;
    sequences[stream] = Math.max(found.lastSequence, known?.sequences[stream] ?? 0);
    // Before the others: no stream is made for shards that the installation has not got.
    if (stream !== places.controlStream) continue;
    const patience = patientNow();
    const told = await untilAnswered(link, patience, (ms) => readMeta(link, places, ms));
    requireShards(told, shards);
  }
  const meta = await openMeta(link, places, known !== undefined || options.onlyLooks === true);
  requireShards(meta, shards);
  if (known !== undefined && known.id !== meta.id) {
    throw new LostInstallation('it must be the installation that this node knows', 'another');
  }
  return { places, known: { id: meta.id, created, sequences } };
}

function patientNow(): Patience {
  return { untilMs: performance.now() + leaderWaitMs, firstMs: apiFirstMs };
}

/** @param meta Undefined: nobody has said yet how many there are. */
function requireShards(meta: { readonly shards: number } | undefined, shards: number): void {
  if (meta === undefined || meta.shards === shards) return;
  throw refused(`cluster.shards must be ${meta.shards}, as at the first start`, `${shards}`);
}

async function openStream(options: InstallationOptions, wanted: StreamConfig): Promise<Found> {
  const { known, link, onlyLooks } = options;
  const stream = String(wanted.name);
  const patience = patientNow();
  for (;;) {
    const info = await untilAnswered(link, patience, (timeoutMs) =>
      link.ask(`STREAM.INFO.${stream}`, undefined, timeoutMs).catch(absent),
    );
    if (info !== undefined) return foundOf(stream, wanted, info);
    if (known === undefined && onlyLooks === true) {
      const next = 'start a daemon, or run "terrafirma cluster import"';
      throw refused(`stream ${stream} must be there: ${next}`, 'none');
    }
    // That of whole files was made with the first of them by earlier releases.
    if (known?.created[stream] !== undefined) {
      throw new LostInstallation(`stream ${stream} must be there, as before`, 'none');
    }
    // Another node may be making it at this moment.
    const made = { untilMs: patience.untilMs, firstMs: makeMs };
    await untilAnswered(link, made, (timeoutMs) =>
      link.ask(`STREAM.CREATE.${stream}`, wanted, timeoutMs).catch((error: unknown) => {
        if (!(error instanceof EngineError) || error.code !== nameInUseCode) throw error;
      }),
    );
  }
}

function absent(error: unknown): undefined {
  if (error instanceof EngineError && error.code === streamGoneCode) return undefined;
  throw error;
}

function foundOf(stream: string, wanted: StreamConfig, info: unknown): Found {
  const { config, created, state } = Object(info);
  const difference = differenceOf(wanted, Object(config));
  if (difference !== undefined) throw refused(`stream ${stream}: its ${difference}`, 'that');
  return { created: String(created), lastSequence: Number(Object(state).last_seq) };
}

/** Emptied and made anew, or set back to an older copy: what was acknowledged is not there. */
function requireSame(stream: string, found: Found, known: KnownInstallation | undefined): void {
  const created = known?.created[stream];
  if (known === undefined || created === undefined) return;
  if (created !== found.created) {
    throw new LostInstallation(`stream ${stream} must be of ${created}, as before`, found.created);
  }
  const least = known.sequences[stream] ?? 0;
  if (found.lastSequence >= least) return;
  const rule = `stream ${stream} must have come to ${least} messages, as before`;
  throw new LostInstallation(rule, `${found.lastSequence}`);
}

/** Whoever is first says what the installation is. */
async function openMeta(
  link: Link,
  places: Places,
  mustBeThere: boolean,
): Promise<{ readonly id: string; readonly shards: number }> {
  const patience = patientNow();
  for (;;) {
    const found = await untilAnswered(link, patience, (ms) => readMeta(link, places, ms));
    if (found !== undefined) return found;
    if (mustBeThere) throw new LostInstallation('it must be there, as before', 'nothing');
    const meta = { format, id: randomBytes(12).toString('hex'), shards: places.shards };
    await untilAnswered(link, patience, (ms) => writeMeta(link, places, { meta, ms }));
  }
}

async function readMeta(
  link: Link,
  places: Places,
  timeoutMs: number,
): Promise<{ readonly id: string; readonly shards: number } | undefined> {
  try {
    const question = { last_by_subj: places.metaSubject };
    const answer = await link.ask(`STREAM.MSG.GET.${places.controlStream}`, question, timeoutMs);
    const { data } = Object(Object(answer).message);
    const meta = JSON.parse(Buffer.from(String(data), 'base64').toString());
    if (meta.format === format) return { id: String(meta.id), shards: Number(meta.shards) };
    throw refused(`its format must be ${format}, which this release knows`, String(meta.format));
  } catch (error) {
    if (error instanceof EngineError && error.code === notFoundCode) return undefined;
    throw error;
  }
}

async function writeMeta(
  link: Link,
  places: Places,
  { meta, ms }: { readonly meta: unknown; readonly ms: number },
): Promise<void> {
  const sent = {
    subject: places.metaSubject,
    payload: Buffer.from(JSON.stringify(meta)),
    headers: [['Nats-Expected-Last-Subject-Sequence', '0']] as const,
  };
  try {
    readAnswer(await link.request(sent, ms));
  } catch (error) {
    if (!(error instanceof EngineError) || !wrongSequenceCodes.has(error.code)) throw error;
  }
}

function requireServer(link: Link): void {
  const { payloadBytesMax, serverVersion } = link;
  const version = serverVersion.split(/[.-]/).map(Number);
  if (isOlder(version)) {
    throw refused(`nats-server must be ${versionMin.join('.')} or later`, serverVersion);
  }
  if (payloadBytesMax >= payloadBytesMin) return;
  throw refused(`max_payload of its servers must be 8 MB or more`, `${payloadBytesMax} bytes`);
}

function isOlder(version: readonly number[]): boolean {
  for (const [index, least] of versionMin.entries()) {
    const part = version[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}

function refused(rule: string, received: string, cause?: unknown): StoreError {
  const message = `Cannot use the shared store: ${rule}: received ${received}`;
  return new StoreError('refused', message, { cause });
}
