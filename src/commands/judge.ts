/**
 * A module's verdict for a person: the very one that the deploy road would reach. Touches the file
 * of the module.
 */

import { open } from 'node:fs/promises';
import { inBytes } from '../amounts.ts';
import type { Limits } from '../config/config.ts';
import type { Artifact } from '../deploy/artifact.ts';
import { Builder } from '../deploy/builder.ts';
import type { ErrorRecord } from '../errors.ts';
import { TerrafirmaError } from '../errors.ts';

export type JudgedModule =
  | {
      readonly kind: 'accepted';
      readonly artifact: Artifact;
      readonly module: WebAssembly.Module;
    }
  | { readonly kind: 'refused'; readonly error: ErrorRecord };

/** Judges modules one after another, in a thread of its own as the daemon does; to be closed. */
export class ModuleJudge implements AsyncDisposable {
  readonly #builder: Builder;

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
      return { kind: 'accepted', artifact, module: await WebAssembly.compile(artifact.code) };
    } catch (error) {
      if (!(error instanceof WebAssembly.CompileError)) throw error;
      const detail = `Cannot accept the module: it must compile: received ${error.message}`;
      return { kind: 'refused', error: { code: 'module-refused', detail } };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#builder.close();
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
