/** One thing that was looked at, and how it is. */

export type FindingMark = 'ok' | 'note' | 'bad';

export interface Finding {
  readonly mark: FindingMark;
  /** What was looked at: `a`, `txt`, `folder`, `module:hello.wasm`, …; programs may rely on it. */
  readonly id: string;
  readonly text: string;
  /** Only of what is bad: what to do about it. */
  readonly nextStep?: string;
  /** Of a file that is bad: what was accepted before goes on serving in its place. */
  readonly isCovered?: true;
}
