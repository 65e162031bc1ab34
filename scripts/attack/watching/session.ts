/** What looks into the daemon while an attack lasts. */
import type { Experience } from '../alice.ts';

export interface Watching extends Disposable {
  /** Of the daemon's process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Before anything is measured. */
  prepare(): Promise<void>;
  /** The attack begins; `processes` are the daemon and its attackers, by their ids. */
  begin(processes: Readonly<Record<string, number>>): void;
  /** What was seen since `begin`, in lines. */
  end(during: Experience): Promise<string[]>;
}
