/** What the control plane asks a serving thread for whoever operates the daemon. Plain data. */

export type OperatorQuestion =
  | { readonly ask: 'runs' }
  /** Whatever was told before is in force once this is answered. */
  | { readonly ask: 'sync' }
  | { readonly ask: 'end-run'; readonly requestId: string };

/** One run that runs or waits now. */
export interface RunRow {
  readonly id: string;
  readonly thread: number;
  readonly hostName: string;
  readonly folderKey: string | undefined;
  readonly modulePath: string | undefined;
  readonly path: string;
  readonly clientAddress: string;
  /** `body`, `queue`: it waits for them; `guest`; `websocket`. */
  readonly phase: string;
  readonly ageMs: number;
  readonly cpuMs: number;
}

/** In the order of the questions: the runs; whether there was such a run. */
export type OperatorAnswer =
  | { readonly ask: 'sync' }
  | { readonly ask: 'runs'; readonly runs: readonly RunRow[] }
  | { readonly ask: 'end-run'; readonly isFound: boolean };
