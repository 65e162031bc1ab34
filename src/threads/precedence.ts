/**
 * Which thread the system lets have a core first. The control plane works little, in many small
 * steps: a deploy or a first visit is dozens of them, and where serving threads and their helpers
 * keep all cores busy each waits for a core, 0.1 s on a machine with twenty programs to run. So it
 * comes before them where the system allows it. On Linux a priority is that of one thread, and
 * whatever a thread starts inherits it. Touches the priority of the calling thread.
 */
import { getPriority, setPriority } from 'node:os';

/** Three times the weight of others, where all want a core all the time. */
const raisedBy = 5;
const highest = -20;
/** Of this process, as it was started: this module is loaded before anything is raised. */
const usual = getPriority();

/**
 * Raises the calling thread. False where that is not possible: elsewhere than on Linux, or where
 * the process may not (CAP_SYS_NICE, or a limit of `LimitNICE`).
 */
export function takePrecedence(): boolean {
  return process.platform === 'linux' && tryPriority(Math.max(highest, usual - raisedBy));
}

/** Calls `start`, which starts a thread or a process, so that this one has the usual priority. */
export function withoutPrecedence<T>(start: () => T): T {
  const raised = process.platform === 'linux' ? getPriority() : usual;
  if (raised === usual || !tryPriority(usual)) return start();
  try {
    return start();
  } finally {
    tryPriority(raised);
  }
}

function tryPriority(priority: number): boolean {
  try {
    setPriority(priority);
    return true;
  } catch {
    return false;
  }
}
