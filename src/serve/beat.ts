/** The heartbeat of a serving thread. */
import { LedgerPage } from '../threads/ledger.ts';
import type { ThreadStart } from '../threads/messages.ts';
import { systemClocks } from './clocks.ts';

const { nowMs } = systemClocks;
const beatMs = 100;
/** What operators see of a thread is so many beats old at most. */
const beatsPerTelling = 5;

/**
 * Shows the control plane that the thread is not stuck, and has `tell` say what it has: not with
 * every beat, as counting costs more than a beat.
 */
export function beatWith(
  { ledger, threadNumber }: Pick<ThreadStart, 'ledger' | 'threadNumber'>,
  tell: (lagMs: number) => void,
): void {
  const page = new LedgerPage(ledger, threadNumber);
  let plannedMs = nowMs() + beatMs;
  let beats = 0;
  let latestMs = 0;
  setInterval(() => {
    page.beat();
    beats += 1;
    latestMs = Math.max(latestMs, nowMs() - plannedMs);
    plannedMs = nowMs() + beatMs;
    if (beats % beatsPerTelling !== 0) return;
    tell(latestMs);
    latestMs = 0;
  }, beatMs).unref();
}
