/**
 * Edge: one settled file → the verdict on its content. Reads it whole, makes sure that nobody
 * wrote meanwhile, has it built and compiled. Keeps nothing.
 */

import { join } from 'node:path';
import type { OwnerGate } from '../../account/gate.ts';
import { inBytes } from '../../amounts.ts';
import { type ErrorCode, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import { errnoOf, FileTooLargeError, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { Digest } from '../../threads/messages.ts';
import type { KeptVersion } from '../keep/record.ts';
import { type ListedFile, stampOf } from '../look/scan.ts';
import type { Builder } from './builder.ts';
import type { BuildVerdict } from './builder-messages.ts';
import type { Modules } from './modules.ts';

const refusals: ReadonlySet<ErrorCode> = new Set(['module-refused', 'module-quarantined']);
/** Failures of ours that are no verdict on a file. */
const passingCodes: ReadonlySet<ErrorCode> = new Set(['overloaded', 'internal']);

export interface JudgeParts {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly builder: Builder;
  /** One file of a mount in memory at a time; a mount that reads slowly holds up only itself. */
  readonly reads: OwnerGate;
  readonly modules: Modules;
  /** Whose turn it is that the judging takes. */
  readonly owner: OwnerKey;
  readonly moduleBytesMax: number;
  readonly nowMs: () => number;
}

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
export async function judgeFile(
  file: ListedFile,
  known: ReadonlySet<Digest>,
  parts: JudgeParts,
): Promise<Verdict> {
  const sizeRule = `at most ${inBytes(parts.moduleBytesMax)}`;
  if (file.sizeBytes > parts.moduleBytesMax) return refuse(sizeRule, `${file.sizeBytes} bytes`);
  try {
    const verdict = await parts.reads.pass(() => readAndBuild(file, known, parts));
    if (verdict === undefined) return { kind: 'changed' };
    if (verdict.kind !== 'built') return verdict;
    const { artifact, bytes } = verdict;
    try {
      await parts.modules.admit({ artifact, original: bytes, owner: parts.owner });
    } catch (error) {
      if (error instanceof TerrafirmaError && !refusals.has(error.code)) throw error;
      return { kind: 'refused', digest: artifact.digest, error: toErrorRecord(error) };
    }
    const { digest, abi } = artifact;
    const version = { digest, abi, acceptedAtMs: parts.nowMs(), bytes: bytes.length };
    return { kind: 'accepted', version, bytes };
  } catch (error) {
    if (error instanceof FileTooLargeError) return { kind: 'changed' };
    if (error instanceof TerrafirmaError && passingCodes.has(error.code)) {
      return { kind: 'postponed', reason: error.message };
    }
    if (errnoOf(error) === 'EACCES') return refuse('it must be readable', 'permission denied');
    throw error;
  }
}

async function readAndBuild(
  file: ListedFile,
  known: ReadonlySet<Digest>,
  parts: JudgeParts,
): Promise<BuildVerdict | undefined> {
  const bytes = await readSettled(file, parts);
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
  parts: JudgeParts,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const { bytes, before, after } = await parts.fs.readFile(file.realPath, parts.moduleBytesMax);
    if (stampOf(before) !== file.stamp || stampOf(after) !== file.stamp) return undefined;
    if (bytes.length !== file.sizeBytes) return undefined;
    const realPath = await parts.fs.realpath(join(parts.directory, file.path));
    return realPath === file.realPath ? bytes : undefined;
  } catch (error) {
    const isGone = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
    const isNoFile = error instanceof TerrafirmaError && error.code === 'not-found';
    if (isGone || isNoFile) return undefined;
    throw error;
  }
}

function refuse(rule: string, received: string): Verdict {
  const detail = `Cannot accept the module: ${rule}: received ${received}`;
  const error = toErrorRecord(new TerrafirmaError('module-refused', detail));
  return { kind: 'refused', digest: undefined, error };
}
