/**
 * A module's verdict for a person: the very one that the deploy road would reach. Touches the file
 * of the module.
 */

import { open } from 'node:fs/promises';
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import type { Artifact } from '../../deploy/build/artifact.ts';
import { Builder } from '../../deploy/build/builder.ts';
import { Trial } from '../../deploy/build/trial.ts';
import type { ErrorRecord } from '../../errors.ts';
import { TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';

export type JudgedModule =
  | {
      readonly kind: 'accepted';
      readonly artifact: Artifact;
      readonly module: WebAssembly.Module;
      /** Why V8's optimiser may not have it; undefined when it may, or that takes long to say. */
      readonly slowReason: string | undefined;
    }
  | { readonly kind: 'refused'; readonly error: ErrorRecord };

/** One person asks: there is nobody to take turns with. */
const owner = '' as OwnerKey;

/** Judges modules one after another, in a thread of its own as the daemon does; to be closed. */
export class ModuleJudge implements AsyncDisposable {
  readonly #builder: Builder;
  readonly #trial = new Trial();

  constructor(limits: Limits) {
    this.#builder = new Builder({ limits });
  }

  async judge(bytes: Uint8Array): Promise<JudgedModule> {
    // The thread takes its bytes for good; the caller may still want its own.
    const verdict = await this.#builder.build(async () => new Uint8Array(bytes));
    if (verdict === undefined || verdict.kind === 'known') {
      throw new TerrafirmaError('internal', 'Cannot judge the module: it was given and not built');
    }
    if (verdict.kind === 'refused') return { kind: 'refused', error: verdict.error };
    const { artifact } = verdict;
    try {
      const optimised = await this.#trial.admit({ ...artifact, original: verdict.bytes, owner });
      const slowReason = optimised.kind === 'unbounded' ? optimised.reason : undefined;
      const module = await WebAssembly.compile(artifact.code);
      return { kind: 'accepted', artifact, module, slowReason };
    } catch (error) {
      const isRefusal = error instanceof TerrafirmaError && error.code === 'module-refused';
      if (!isRefusal) throw error;
      return { kind: 'refused', error: toErrorRecord(error) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#builder.close(), this.#trial.close()]);
  }
}

/** The bytes of a file that a person named. Errors: `usage`, with the reason. */
export async function readNamedFile(
  file: string,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    await using handle = await open(file);
    const stats = await handle.stat();
    if (!stats.isFile()) throw refuseFile(file, 'it must be a file', 'something else');
    if (stats.size > bytesMax) {
      throw refuseFile(file, `it must have at most ${inBytes(bytesMax)}`, `${stats.size}`);
    }
    return new Uint8Array(await handle.readFile());
  } catch (error) {
    if (error instanceof TerrafirmaError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw refuseFile(file, 'it must be readable', reason);
  }
}

function refuseFile(file: string, rule: string, received: string): TerrafirmaError {
  return new TerrafirmaError('usage', `Cannot read ${file}: ${rule}: received ${received}`);
}
