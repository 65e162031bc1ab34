/**
 * Edge: one settled file → the verdict on its content. Reads it whole, makes sure that nobody
 * wrote meanwhile, has it built and compiled. Keeps nothing.
 */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inBytes } from '../../amounts.ts';
import { type ErrorCode, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import {
  errnoOf,
  FileTooLargeError,
  type GuardedFs,
  readWhole,
} from '../../outside/mount/guarded-fs.ts';
import type { OpenWriters } from '../../outside/mount/open-writers.ts';
import type { Digest } from '../../threads/messages.ts';
import { lacksData } from '../../wasm/lacks-data.ts';
import type { KeptVersion } from '../keep/record.ts';
import type { AddedModule } from '../keep/store.ts';
import { type ReadGates, smallBytesMax } from '../look/mount-gates.ts';
import { type ListedFile, stampOf } from '../look/scan.ts';
import type { FolderTiming } from '../look/timing.ts';
import type { Builder } from './builder.ts';
import type { BuildVerdict } from './builder-messages.ts';
import type { Modules } from './modules.ts';
import type { Progress } from './progress.ts';

const refusals: ReadonlySet<ErrorCode> = new Set(['module-refused', 'module-quarantined']);
/** Failures of ours that are no verdict on a file. */
const passingCodes: ReadonlySet<ErrorCode> = new Set(['overloaded', 'internal']);

/** How long a module that is tried and compiled keeps others of its size from being read. */
const turnMsMax = 500;

export interface JudgeParts {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly builder: Builder;
  readonly reads: ReadGates;
  readonly modules: Modules;
  /** Whose turn it is that the judging takes. */
  readonly owner: OwnerKey;
  readonly moduleBytesMax: number;
  /** Left out: the system cannot be asked. */
  readonly writers?: OpenWriters | undefined;
  readonly nowMs: () => number;
  /** Told how far it is. */
  readonly progress?: Progress;
  /** Told of a module before it is tried: to keep it takes time, too. */
  readonly onBuilt?: (added: AddedModule) => void;
}

/** See `FolderTiming`. */
export type EarlyTiming = Pick<FolderTiming, 'settledAgeMs'> & { readonly quietClosedMs: number };

type ReadParts = JudgeParts & { readonly isClosedNeeded?: boolean };

export type Verdict =
  | {
      readonly kind: 'accepted';
      readonly version: KeptVersion;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  /** Content that was judged before, under this digest. */
  | { readonly kind: 'known'; readonly digest: Digest }
  | {
      readonly kind: 'refused';
      /** Undefined when the content could not even be read or hashed. */
      readonly digest: Digest | undefined;
      readonly error: ErrorRecord;
    }
  /** The file changed while it was read: look again. */
  | { readonly kind: 'changed' }
  /** No verdict can be had now, and that is not the file's doing. */
  | { readonly kind: 'postponed'; readonly reason: string };

/** @throws what the mount throws when it cannot be reached, and TerrafirmaError 'draining' */
export async function judge(
  file: ListedFile,
  known: ReadonlySet<Digest>,
  { early, ...parts }: JudgeParts & { readonly early: EarlyTiming | undefined },
): Promise<Verdict> {
  if (early === undefined) return await judgeFile(file, known, parts);
  return await judgeEarly(file, known, { ...parts, early });
}

/**
 * The verdict on a file that may not have settled. It is read at once, if nobody has it open for
 * writing, and judging takes as long as waiting: at the end it must be the same file still, that
 * nobody writes. What is refused may be a part of a file, and so may what lacks the section that
 * would come next: then it has no verdict until it settles.
 */
async function judgeEarly(
  file: ListedFile,
  known: ReadonlySet<Digest>,
  parts: JudgeParts & { readonly early: EarlyTiming },
): Promise<Verdict> {
  const { settledAgeMs, quietClosedMs } = parts.early;
  const verdict = await judgeFile(file, known, { ...parts, isClosedNeeded: true });
  const ageMs = (): number => Math.max(0, parts.nowMs() - file.changedAtMs);
  const isWhole = verdict.kind === 'accepted' && !lacksData(verdict.bytes);
  const isGood = isWhole || verdict.kind === 'known';
  if (!isGood && ageMs() < settledAgeMs) return { kind: 'changed' };
  if (ageMs() < quietClosedMs) await sleep(quietClosedMs - ageMs());
  return (await isStillClosed(file, parts)) ? verdict : { kind: 'changed' };
}

async function isStillClosed(file: ListedFile, parts: JudgeParts): Promise<boolean> {
  return await unlessGone(false, async () => {
    await using opened = await parts.fs.open(file.realPath);
    if (parts.writers?.knowsClosed(opened.fd) !== true) return false;
    return stampOf(await opened.stat()) === file.stamp && (await isInPlace(file, parts));
  });
}

/** @throws what the mount throws when it cannot be reached, and TerrafirmaError 'draining' */
export async function judgeFile(
  file: ListedFile,
  known: ReadonlySet<Digest>,
  parts: ReadParts,
): Promise<Verdict> {
  const tooLarge = sizeRefusal(file.sizeBytes, parts.moduleBytesMax);
  if (tooLarge !== undefined) return refuse(tooLarge);
  try {
    const { small, large } = parts.reads;
    const build = () => readAndBuild(file, known, parts);
    if (file.sizeBytes > smallBytesMax) return await admit(await large.pass(build), parts);
    return await admitInTurn(small, build, parts);
  } catch (error) {
    if (error instanceof FileTooLargeError) return { kind: 'changed' };
    if (error instanceof TerrafirmaError && passingCodes.has(error.code)) {
      return { kind: 'postponed', reason: error.message };
    }
    if (errnoOf(error) === 'EACCES') {
      return refuse(refusal('it must be readable', 'permission denied'));
    }
    throw error;
  }
}

/** The place is given back early where the trial takes long: others' quick ones go on. */
async function admitInTurn(
  turns: ReadGates['small'],
  build: () => Promise<BuildVerdict | undefined>,
  parts: ReadParts,
): Promise<Verdict> {
  const { admitted } = await turns.pass(async () => {
    const admitted = admit(await build(), parts);
    await Promise.race([admitted, sleep(turnMsMax, undefined, { ref: false })]);
    // As a promise, which is not waited for.
    return { admitted };
  });
  return await admitted;
}

/** Has what was built tried and compiled; undefined: the file changed. */
async function admit(built: BuildVerdict | undefined, parts: ReadParts): Promise<Verdict> {
  if (built === undefined) return { kind: 'changed' };
  if (built.kind !== 'built') return built;
  const { artifact, bytes } = built;
  try {
    const { owner, progress, onBuilt } = parts;
    onBuilt?.({ digest: artifact.digest, bytes });
    await parts.modules.admit({ artifact, original: bytes, owner, progress });
  } catch (error) {
    if (error instanceof TerrafirmaError && !refusals.has(error.code)) throw error;
    return { kind: 'refused', digest: artifact.digest, error: toErrorRecord(error) };
  }
  const { digest, abi } = artifact;
  const version = { digest, abi, acceptedAtMs: parts.nowMs(), bytes: bytes.length };
  return { kind: 'accepted', version, bytes };
}

async function readAndBuild(
  file: ListedFile,
  known: ReadonlySet<Digest>,
  parts: ReadParts,
): Promise<BuildVerdict | undefined> {
  const bytes = await readSettled(file, parts);
  parts.progress?.enter('rewritten');
  return bytes === undefined
    ? undefined
    : await parts.builder.build(async () => bytes, { known, owner: parts.owner, forms: 'first' });
}

/**
 * The bytes of the very file that was listed, or undefined when it is another one by now: stamps
 * before and after reading equal the listed one, and the path still leads to the same place, so
 * that a link swapped in between cannot lead out of the folder.
 */
async function readSettled(
  file: ListedFile,
  parts: ReadParts,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return await unlessGone(undefined, async () => {
    await using opened = await parts.fs.open(file.realPath);
    const isOpen = parts.isClosedNeeded && parts.writers?.knowsClosed(opened.fd) !== true;
    if (isOpen) return undefined;
    const { bytes, before, after } = await readWhole(opened, parts.moduleBytesMax);
    if (stampOf(before) !== file.stamp || stampOf(after) !== file.stamp) return undefined;
    if (bytes.length !== file.sizeBytes) return undefined;
    return (await isInPlace(file, parts)) ? bytes : undefined;
  });
}

async function isInPlace(file: ListedFile, { fs, directory }: JudgeParts): Promise<boolean> {
  return (await fs.realpath(join(directory, file.path))) === file.realPath;
}

async function unlessGone<T>(gone: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const isGone = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
    const isNoFile = error instanceof TerrafirmaError && error.code === 'not-found';
    if (isGone || isNoFile) return gone;
    throw error;
  }
}

/** Undefined: it may be so large. */
export function sizeRefusal(bytes: number, bytesMax: number): TerrafirmaError | undefined {
  if (bytes <= bytesMax) return undefined;
  return refusal(`at most ${inBytes(bytesMax)}`, `${bytes} bytes`);
}

function refusal(rule: string, received: string): TerrafirmaError {
  const detail = `Cannot accept the module: ${rule}: received ${received}`;
  return new TerrafirmaError('module-refused', detail);
}

function refuse(error: TerrafirmaError): Verdict {
  return { kind: 'refused', digest: undefined, error: toErrorRecord(error) };
}
