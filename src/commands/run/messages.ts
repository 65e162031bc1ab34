/** What crosses between `terrafirma run` and the thread that runs its guest. Plain data. */

import type { Config } from '../../config/config.ts';
import type { ErrorRecord } from '../../errors.ts';
import type { ReplyHead } from '../../http/message.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { ModulePath } from '../../names.ts';
import type { RoutableHead } from '../../serve/exchange-options.ts';
import type { Site } from '../../site/table.ts';
import type { LoadedModule, ToControl } from '../../threads/messages.ts';

/** `workerData` of the thread. */
export interface RunStart {
  readonly config: Config;
  readonly loaded: LoadedModule;
  readonly modulePath: ModulePath;
  /** Undefined where the module is run alone. */
  readonly site: Site | undefined;
  readonly request: RoutableHead;
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

/** How it ended, for the person who asked. */
export interface RunEnd {
  readonly outcome: RequestRecord['outcome'];
  /** See `RunReport`. */
  readonly error: ErrorRecord | undefined;
  readonly cause?: ErrorRecord | undefined;
  /** Which ran last; left out where there is one alone. */
  readonly modulePath?: string | undefined;
}

export type ReplyMessage =
  | { readonly kind: 'head'; readonly head: ReplyHead }
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array };

export type FromRun =
  | Extract<ToControl, { kind: 'question' }>
  /** The first of all. `systemThread`: how the system calls the thread, where it says so. */
  | { readonly kind: 'begun'; readonly systemThread: string | undefined }
  | ReplyMessage
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'done'; readonly end: RunEnd };
