/** Where the suite's components run. */
import type { Outcome, SuiteAction } from './suite-abi.ts';

export interface SuiteWorld {
  readonly name: string;
  /** What the actions answer, one after another, up to the first that traps. */
  perform(
    bytes: Uint8Array<ArrayBuffer>,
    actions: readonly SuiteAction[],
  ): Promise<readonly Outcome[]>;
  /** Why it does not start; undefined where it does. */
  start(bytes: Uint8Array<ArrayBuffer>): Promise<Outcome | undefined>;
}
