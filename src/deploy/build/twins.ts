/**
 * What was made of the small modules that were met last. Builds of one program that differ in a
 * custom section alone have equal code: many copies of a template, each with a build number, are
 * rewritten once.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Digest } from '../../threads/messages.ts';
import { readSections, SectionId } from '../../wasm/binary/sections.ts';
import { isComponent } from '../../wasm/component.ts';
import { type Artifact, formsOf, plainFirstBytesMin } from './artifact.ts';

/** Code of all of them. */
const twinBytesMaxDefault = 16 * 1024 * 1024;

export class Twins {
  readonly #artifacts: LRUCache<string, Artifact>;

  constructor({ twinBytesMax = twinBytesMaxDefault }: { readonly twinBytesMax?: number } = {}) {
    this.#artifacts = new LRUCache({ maxSize: twinBytesMax, sizeCalculation: sizeOf });
  }

  /**
   * What a module has in common with its twins; undefined where it is not to have any: it is no
   * module, or large, and keeping a copy of it would take time.
   */
  keyOf(bytes: Uint8Array): string | undefined {
    if (bytes.length >= plainFirstBytesMin || isComponent(bytes)) return undefined;
    return hashDeciding(bytes);
  }

  /** The artifact of a twin as that of the module in `bytes`, whose key and digest are given. */
  find(
    key: string | undefined,
    bytes: Uint8Array<ArrayBuffer>,
    digest: Digest,
  ): Artifact | undefined {
    const twin = key === undefined ? undefined : this.#artifacts.get(key);
    // A custom section may be what is wrong with it.
    if (twin === undefined || !WebAssembly.validate(bytes)) return undefined;
    return { ...copy(twin), digest, originalBytes: bytes.length };
  }

  /** Keeps a copy: the forms of `artifact` itself are handed on. */
  note(key: string | undefined, artifact: Artifact): void {
    if (key !== undefined) this.#artifacts.set(key, copy(artifact));
  }
}

function sizeOf({ cores }: Artifact): number {
  return formsOf(cores).reduce((sum, { length }) => sum + length, 1);
}

function copy(artifact: Artifact): Artifact {
  const cores = artifact.cores.map((core) => ({
    ...core,
    code: core.code.slice(),
    cardsCode: core.cardsCode?.slice(),
  }));
  return { ...artifact, cores };
}

/**
 * SHA-256 of what an artifact is made of: all sections but custom ones that nobody reads, and where
 * they stand, because traps are told with offsets in the original. Undefined for what is no module.
 */
function hashDeciding(bytes: Uint8Array): string | undefined {
  const hash = createHash('sha256');
  try {
    for (const { id, name, offset, end } of readSections(bytes)) {
      const isRead = id !== SectionId.custom || name === 'name' || name.startsWith('metadata.');
      if (isRead) hash.update(`${id} ${offset} ${end}\n`).update(bytes.subarray(offset, end));
    }
  } catch {
    // Whoever builds it says what is wrong.
    return undefined;
  }
  return hash.digest('hex');
}
