/**
 * The `fastly.toml` of a folder that several nodes have copies of, with the files that it names:
 * it is decided about like a module, as one piece. It may hold secrets, so that it lies among the
 * blobs sealed, and only where nodes have a key to seal with.
 */
import { createHash } from 'node:crypto';
import type { FolderKey, ModulePath } from '../../names.ts';
import { StoreError } from '../../outside/store/contract.ts';
import type { StableSeal } from '../../outside/store/stable-seal.ts';
import type { Digest } from '../../threads/messages.ts';
import { fastlyKey } from './common-record.ts';
import type { CommonVersions } from './common-versions.ts';
import { decodeBundle, encodeBundle, type FastlyBundle } from './fastly-bundle.ts';

export interface CommonFastlyOptions {
  readonly versions: CommonVersions;
  readonly folderKey: FolderKey;
  readonly seal: StableSeal;
  /** Told what could not be said to the others, or read of them; it is tried at the next look. */
  readonly onTrouble: (reason: string) => void;
  /** The owner should touch the file. */
  readonly onHeld: () => void;
}

/** What a node's copy shows. */
export interface ShownFastly {
  /** Undefined: there is no such file. */
  readonly bundle: FastlyBundle | undefined;
  /** Of the youngest of its files. */
  readonly mtimeMs: number;
}

export type FastlyFate =
  | { readonly kind: 'own' }
  | { readonly kind: 'others'; readonly bundle: FastlyBundle | undefined }
  /** It cannot be told now: what held goes on. */
  | { readonly kind: 'unknown' };

const path = fastlyKey as ModulePath;
const own: FastlyFate = { kind: 'own' };
const unknown: FastlyFate = { kind: 'unknown' };

export class CommonFastly {
  readonly #options: CommonFastlyOptions;
  /** What was sealed last: it is looked at often, and seldom another. */
  #sealed: { readonly bundle: FastlyBundle; readonly bytes: Uint8Array } | undefined;
  #others: { readonly digest: Digest; readonly bundle: FastlyBundle } | undefined;

  constructor(options: CommonFastlyOptions) {
    this.#options = options;
  }

  /** What all nodes have, where it is known; see `FastlyFate`. Never rejects. */
  head(): Promise<FastlyFate> {
    const { versions } = this.#options;
    const isKnown = versions.isRead && versions.headOf(path) !== undefined;
    return isKnown ? this.#headOfOthers() : Promise.resolve(unknown);
  }

  /**
   * Which holds here, of the own copy's and the newest of all nodes. What is new of the own copy is
   * told to the others first. Never rejects for an engine that is away.
   *
   * @param seen Undefined: it is still to be read, or wrong, which the late copy of one that is
   *   right may be, too.
   * @param isFolderSure The folder is the one that it was: a file that is not there was deleted.
   */
  async judge(seen: ShownFastly | undefined, isFolderSure: boolean): Promise<FastlyFate> {
    const { onHeld, onTrouble, versions } = this.#options;
    if (!versions.isRead) return unknown;
    if (seen === undefined) {
      return versions.hasShownHead(path) ? own : await this.#headOfOthers();
    }
    const { bundle, mtimeMs } = seen;
    if (bundle === undefined && versions.headOf(path) === undefined) return own;
    const bytes = bundle === undefined ? undefined : this.#seal(bundle);
    const shown = { digest: bytes === undefined ? null : digestOf(bytes), mtimeMs };
    const isNew = versions.decide(path, shown).kind === 'accept';
    if (isNew && bytes === undefined && !isFolderSure) return unknown;
    try {
      const version = bytes === undefined ? undefined : { abi: '', bytes };
      const taken = await versions.take(path, shown, async () => version);
      if (taken === 'accept' || taken === 'head') return own;
      if (taken === 'hold' && bytes !== undefined) onHeld();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onTrouble(error.message);
      // What the owner has just said here holds here.
      return isNew ? own : unknown;
    }
    return await this.#headOfOthers();
  }

  async #headOfOthers(): Promise<FastlyFate> {
    const { folderKey, onTrouble, seal, versions } = this.#options;
    const digest = versions.headOf(path)?.digest ?? null;
    if (digest === null) return { kind: 'others', bundle: undefined };
    if (this.#others?.digest === digest) return { kind: 'others', bundle: this.#others.bundle };
    try {
      const sealed = await versions.bytesOf(digest);
      const bytes = sealed === undefined ? undefined : seal.open(sealed, folderKey);
      if (bytes === undefined) {
        const found = sealed === undefined ? 'nothing' : 'what another key sealed';
        onTrouble(`Cannot take up the fastly.toml of other nodes: received ${found}`);
        return unknown;
      }
      const bundle = decodeBundle(bytes);
      this.#others = { digest, bundle };
      return { kind: 'others', bundle };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onTrouble(error.message);
      return unknown;
    }
  }

  #seal(bundle: FastlyBundle): Uint8Array {
    if (this.#sealed?.bundle !== bundle) {
      const { folderKey, seal } = this.#options;
      this.#sealed = { bundle, bytes: seal.seal(encodeBundle(bundle), folderKey) };
    }
    return this.#sealed.bytes;
  }
}

function digestOf(bytes: Uint8Array): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest;
}
