/** What crosses between the control plane and the builder thread. */
import type { Limits } from '../config/config.ts';
import type { ErrorRecord } from '../errors.ts';
import type { Digest } from '../messages.ts';
import type { Artifact } from './artifact.ts';

/** `workerData` of the builder thread. */
export interface BuilderStart {
  readonly limits: Limits;
}

/** The bytes are the thread's from then on. */
export interface BuildRequest {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Contents that were judged before: only recognised, not built again. */
  readonly known: ReadonlySet<Digest>;
}

/** The first message of the thread: from now on what goes wrong is the module's doing. */
export interface BuilderReady {
  readonly kind: 'ready';
}

export type BuildReply = { readonly id: number } & BuildVerdict;

export type BuildVerdict =
  | {
      readonly kind: 'built';
      readonly artifact: Artifact;
      /** The original bytes, handed back. */
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: 'known'; readonly digest: Digest }
  | {
      readonly kind: 'refused';
      /** Undefined when the thread did not live to say it. */
      readonly digest: Digest | undefined;
      readonly error: ErrorRecord;
    };
