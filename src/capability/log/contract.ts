/** The log as a guest's ABI sees it. */

/** The guest's own words for the log, tagged with its site and module, bounded per run. */
export interface GuestLog {
  /** Whether all that is still written will be dropped. */
  readonly isFull: boolean;
  write(level: 'info' | 'warn' | 'error', message: string): void;
  /**
   * One line about a hostcall, only where they are traced: bounded apart from the guest's own.
   * False: no more are taken.
   */
  trace(line: string): boolean;
}
