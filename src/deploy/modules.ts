/**
 * Compiled modules of the control plane: an LRU bounded by bytes, equal compiles joined. What falls
 * out is only forgotten: threads that hold the module keep it, and who asks again gets it compiled
 * anew from the kept bytes.
 */
import { LRUCache } from 'lru-cache';
import { fromErrorRecord, TerrafirmaError } from '../errors.ts';
import type { Digest, LoadedModule } from '../messages.ts';
import { type Artifact, explainCompile } from './artifact.ts';
import type { Builder } from './builder.ts';
import type { ModuleStore } from './store.ts';
import type { Trial } from './trial.ts';

/**
 * Memory a compiled module is taken to cost, as a multiple of the code of both its forms: V8 keeps
 * the code itself, and up to about four times as much machine code of the one form that runs.
 */
export const compiledBytesPerCodeByte = 3;

export interface ModulesOptions {
  readonly store: ModuleStore;
  readonly builder: Builder;
  readonly trial: Pick<Trial, 'compile'>;
  readonly compiledBytesMax: number;
}

export class Modules {
  readonly #store: ModuleStore;
  readonly #builder: Builder;
  readonly #trial: Pick<Trial, 'compile'>;
  readonly #compiled: LRUCache<Digest, LoadedModule>;
  readonly #loading = new Map<Digest, Promise<LoadedModule>>();

  constructor(options: ModulesOptions) {
    this.#store = options.store;
    this.#builder = options.builder;
    this.#trial = options.trial;
    const { compiledBytesMax } = options;
    // One module larger than the limit is held alone: it would be compiled anew for each thread.
    const costOf = ({ codeBytes }: LoadedModule) =>
      Math.min(compiledBytesMax, Math.max(1, codeBytes * compiledBytesPerCodeByte));
    this.#compiled = new LRUCache({ maxSize: compiledBytesMax, sizeCalculation: costOf });
  }

  /** Bytes the modules held now are taken to cost. */
  get compiledBytes(): number {
    return this.#compiled.calculatedSize;
  }

  /**
   * Compiles a new artifact, in a trial first. Throws TerrafirmaError: 'module-refused' when V8
   * will not, 'internal' when no trial can be had.
   */
  async admit(artifact: Artifact): Promise<LoadedModule> {
    const compiled = this.#compiled.get(artifact.digest);
    if (compiled !== undefined) return compiled;
    await this.#trial.compile(artifact);
    return await this.#compile(artifact);
  }

  /**
   * The compiled module of a kept version. Throws TerrafirmaError: 'state' when its bytes are not
   * in the store, 'module-refused' when they are not accepted any more.
   */
  async load(digest: Digest): Promise<LoadedModule> {
    const compiled = this.#compiled.get(digest);
    if (compiled !== undefined) return compiled;
    const running = this.#loading.get(digest);
    if (running !== undefined) return await running;
    const loading = this.#loadKept(digest).finally(() => this.#loading.delete(digest));
    this.#loading.set(digest, loading);
    return await loading;
  }

  async #loadKept(digest: Digest): Promise<LoadedModule> {
    const verdict = await this.#builder.build(() => this.#store.readModule(digest));
    if (verdict.kind === 'built') return await this.#compile(verdict.artifact);
    if (verdict.kind === 'refused') throw fromErrorRecord(verdict.error);
    throw new TerrafirmaError('internal', 'Cannot load the module: the builder did not build it');
  }

  async #compile(artifact: Artifact): Promise<LoadedModule> {
    const { digest, code, cardsCode, abi, entry, engine } = artifact;
    const [module, cardsModule] = await Promise.all([
      compileCode(code),
      cardsCode === undefined ? undefined : compileCode(cardsCode),
    ]);
    const codeBytes = code.length + (cardsCode?.length ?? 0);
    const loaded = { digest, module, cardsModule, abi, entry, codeBytes, engine };
    this.#compiled.set(digest, loaded);
    return loaded;
  }
}

async function compileCode(code: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(code);
  } catch (error) {
    const detail = `Cannot accept the module: it must compile: received ${explainCompile(error)}`;
    throw new TerrafirmaError('module-refused', detail, { cause: error });
  }
}
