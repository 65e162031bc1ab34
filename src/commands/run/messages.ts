/** What crosses between `terrafirma run` and the thread that runs its guest. Plain data. */

import type { Config } from '../../config/config.ts';
import type { RunReport } from '../../engine/run/report.ts';
import type { ReplyHead, RequestHead } from '../../http/message.ts';
import type { ModulePath } from '../../names.ts';
import type { LoadedModule, ToControl } from '../../threads/messages.ts';
import type { RunFolder } from './folder.ts';

/** `workerData` of the thread. */
export interface RunStart {
  readonly config: Config;
  readonly loaded: LoadedModule;
  readonly modulePath: ModulePath;
  /** Undefined where the module is run alone. */
  readonly folder: RunFolder | undefined;
  readonly request: RequestHead;
  readonly body: Uint8Array;
  /** Whether each hostcall is told. */
  readonly traces: boolean;
  /** For one thread; see ledger.ts. */
  readonly ledger: SharedArrayBuffer;
  /** For one thread; see account/account.ts. */
  readonly account: SharedArrayBuffer;
  /** See `ThreadStart`. */
  readonly capabilities: Readonly<Record<string, unknown>>;
}

export type FromRun =
  | Extract<ToControl, { kind: 'question' }>
  /** The first of all. `systemThread`: how the system calls the thread, where it says so. */
  | { readonly kind: 'begun'; readonly systemThread: string | undefined }
  | { readonly kind: 'head'; readonly head: ReplyHead }
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'done'; readonly report: RunReport };
