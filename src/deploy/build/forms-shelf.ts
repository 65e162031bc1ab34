/**
 * What the builder thread keeps of what it makes: opened when it is first wanted, and never a
 * reason why a module is not built.
 */
import { createHash } from 'node:crypto';
import type { Limits } from '../../config/config.ts';
import { describeError } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest } from '../../threads/messages.ts';
import { type FormsName, KeptForms } from '../keep/kept-forms.ts';
import { type Artifact, isPlainFirst, type WantedForms } from './artifact.ts';
import type { KeptFormsStart } from './builder-messages.ts';
import { hashOwnCode } from './own-code.ts';

/** Which artifact is wanted, of a module with so many bytes. */
export interface WantedArtifact {
  readonly digest: Digest;
  readonly bytes: number;
  readonly forms: WantedForms;
}

interface Opened {
  readonly kept: KeptForms;
  readonly key: string;
}

export class FormsShelf {
  readonly #start: KeptFormsStart | undefined;
  readonly #limits: Limits;
  #opened: Opened | undefined;
  #trouble: string | undefined;

  constructor(start: KeptFormsStart | undefined, limits: Limits) {
    this.#start = start;
    this.#limits = limits;
  }

  /** Makes it ready. Never throws: what is kept later says what is wrong. */
  open(): Opened | undefined {
    if (this.#start === undefined || this.#opened !== undefined) return this.#opened;
    const { directory, bytesMax } = this.#start;
    const modules = new Set(this.#start.kept);
    try {
      const kept = KeptForms.open({ directory, bytesMax, isKept: (each) => modules.has(each) });
      this.#opened = { kept, key: keyOf(this.#limits) };
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = describeError(error);
    }
    return this.#opened;
  }

  read(wanted: WantedArtifact): Artifact | undefined {
    const opened = this.open();
    return opened?.kept.read(nameOf(opened.key, wanted));
  }

  /**
   * Keeps what a module is served with first; what makes it faster comes later, and is large.
   * Answers why it was not kept, if so.
   */
  write(artifact: Artifact, owner: OwnerKey, wanted: WantedArtifact): string | undefined {
    if (wanted.forms !== 'first') return undefined;
    const opened = this.open();
    try {
      opened?.kept.write(artifact, owner, nameOf(opened.key, wanted));
      return this.#trouble;
    } catch (error) {
      return describeError(error);
    }
  }
}

function nameOf(key: string, { digest, bytes, forms }: WantedArtifact): FormsName {
  return { digest, key: `${key}-${isPlainFirst(bytes, { forms }) ? 'plain' : 'whole'}` };
}

/** All limits: which of them decide what is accepted, and how it is made, is easily overlooked. */
function keyOf(limits: Limits): string {
  const hash = createHash('sha256').update(hashOwnCode()).update(JSON.stringify(limits));
  return hash.digest('hex').slice(0, 32);
}
