/** What crosses between the control plane and the builder thread. */
import type { Limits } from '../../config/config.ts';
import type { ErrorRecord } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest } from '../../threads/messages.ts';
import type { Artifact, WantedForms } from './artifact.ts';

/** `workerData` of the builder thread. */
export interface BuilderStart {
  readonly limits: Limits;
  /** Left out: nothing is kept of what is made. */
  readonly forms?: KeptFormsStart | undefined;
}

/** See keep/kept-forms.ts. */
export interface KeptFormsStart {
  readonly directory: string;
  readonly bytesMax: number;
  /** Modules whose forms are kept when the thread starts. */
  readonly kept: readonly Digest[];
}

/** The bytes are the thread's from then on. */
export interface BuildRequest {
  readonly ask: 'build';
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Contents that were judged before: only recognised, not built again. */
  readonly known: ReadonlySet<Digest>;
  readonly forms: WantedForms;
  readonly owner: OwnerKey;
}

/** Whether what was made of a kept module is kept, too: then nothing of the module is needed. */
export interface RecallRequest {
  readonly ask: 'recall';
  readonly id: number;
  readonly digest: Digest;
  /** Of the module. */
  readonly bytes: number;
  readonly forms: WantedForms;
}

/** Which of V8's compilers may have a module: the optimiser only what it was tried with. */
export type CompilerTier = 'baseline' | 'optimised';

/** Compiles forms that a trial has passed; they may be handed over. */
export interface CompileRequest {
  readonly ask: 'compile';
  readonly id: number;
  readonly forms: readonly Uint8Array<ArrayBuffer>[];
  readonly tier: CompilerTier;
}

export type BuilderRequest = BuildRequest | RecallRequest | CompileRequest;

/** The first message of the thread: from now on what goes wrong is the module's doing. */
export interface BuilderReady {
  readonly kind: 'ready';
}

export type BuilderReply = { readonly id: number } & (
  | BuildVerdict
  | RecallVerdict
  | CompileVerdict
);

export type RecallVerdict =
  | { readonly kind: 'recalled'; readonly artifact: Artifact }
  | { readonly kind: 'forgotten' };

export type CompileVerdict =
  /** In the order of the forms. */
  | { readonly kind: 'compiled'; readonly modules: readonly WebAssembly.Module[] }
  | { readonly kind: 'not-compiled'; readonly error: ErrorRecord };

export type BuildVerdict =
  | {
      readonly kind: 'built';
      readonly artifact: Artifact;
      /** The original bytes, handed back. */
      readonly bytes: Uint8Array<ArrayBuffer>;
      /** Why it was not kept, if so. */
      readonly trouble?: string | undefined;
    }
  | { readonly kind: 'known'; readonly digest: Digest }
  | {
      readonly kind: 'refused';
      /** Undefined when the thread did not live to say it. */
      readonly digest: Digest | undefined;
      readonly error: ErrorRecord;
    };
