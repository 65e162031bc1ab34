/**
 * What the owner says about a folder that several nodes have copies of: `.kbp_config` and
 * `terrafirma.toml`. They are decided about like modules, so that a copy that is late never opens
 * again what the owner has closed.
 */
import { createHash } from 'node:crypto';
import type { ModulePath } from '../../names.ts';
import { StoreError } from '../../outside/store/contract.ts';
import type { Digest } from '../../threads/messages.ts';
import { type RuleName, ruleKeys } from './common-record.ts';
import type { CommonVersions } from './common-versions.ts';

export interface CommonRulesOptions {
  readonly versions: CommonVersions;
  /** Told what could not be said to the others now; it is tried again at the next look. */
  readonly onTrouble: (error: StoreError) => void;
  /** The owner should touch the file. */
  readonly onHeld: (name: RuleName) => void;
}

/** What a node's copy shows. */
export interface ShownRule {
  /** Undefined: there is no such file. */
  readonly text: string | undefined;
  readonly mtimeMs: number;
}

export type RuleFate =
  | { readonly kind: 'own' }
  | { readonly kind: 'others'; readonly text: string | undefined }
  /** It cannot be told yet: what held goes on. */
  | { readonly kind: 'unknown' };

const own: RuleFate = { kind: 'own' };
const unknown: RuleFate = { kind: 'unknown' };

export class CommonRules {
  readonly #options: CommonRulesOptions;
  #waited: Promise<boolean> | undefined;

  constructor(options: CommonRulesOptions) {
    this.#options = options;
  }

  /** The newest of all nodes; undefined where it is not known, or there never was one. */
  headOf(name: RuleName): { readonly text: string | undefined } | undefined {
    const { versions } = this.#options;
    const path = ruleKeys[name] as ModulePath;
    return versions.headOf(path) === undefined ? undefined : { text: versions.textOf(path) };
  }

  /**
   * Which text holds here, of the own copy's and the newest of all nodes. What is new of the own
   * copy is told to the others first. Never rejects for an engine that is away.
   *
   * @param isFolderSure The folder is the one that it was: a file that is not there was deleted.
   */
  async judge(name: RuleName, shown: ShownRule, isFolderSure: boolean): Promise<RuleFate> {
    const { onHeld, onTrouble, versions } = this.#options;
    const path = ruleKeys[name] as ModulePath;
    // At the first look alone: others must not take as long because the engine is away.
    this.#waited ??= versions.isKnown();
    await this.#waited;
    if (!versions.isRead) return unknown;
    const { mtimeMs, text } = shown;
    if (text === undefined && versions.headOf(path) === undefined) return own;
    const digest = text === undefined ? null : digestOf(text);
    const seen = { digest, mtimeMs };
    const isNew = versions.decide(path, seen).kind === 'accept';
    if (isNew && text === undefined && !isFolderSure) return unknown;
    try {
      const bytes = Buffer.from(text ?? '');
      const version = text === undefined ? undefined : { abi: '', bytes, text };
      const taken = await versions.take(path, seen, async () => version);
      if (taken === 'accept' || taken === 'head') return own;
      if (taken === 'hold' && text !== undefined) onHeld(name);
      return { kind: 'others', text: versions.textOf(path) };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onTrouble(error);
      // What the owner has just said here holds here: it may be that nobody else may read.
      return isNew ? own : unknown;
    }
  }
}

function digestOf(text: string): Digest {
  return createHash('sha256').update(text).digest('hex') as Digest;
}
