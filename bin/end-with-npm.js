// Plain JavaScript for Node.js 18 and newer. Ends this process with the npm that started it by one
// of its scripts: npm passes signals on to the shell between, which passes them on to nobody.
import { readFileSync } from 'node:fs';

const lookMs = 500;

/** SIGTERM to ourselves, as npm's own end would have it, once npm or its shell is gone. */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const { ppid } = process;
  const npm = parentOf(ppid);
  const timer = setInterval(() => {
    if (process.ppid === ppid && parentOf(ppid) === npm) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, lookMs);
  // What has nothing to do any more ends by itself.
  timer.unref();
}

/**
 * Undefined where the system does not say: then the shell alone is looked after.
 *
 * @param {number} pid
 * @returns {string | undefined}
 */
function parentOf(pid) {
  try {
    // The name of the program comes before it, and may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  } catch {
    return undefined;
  }
}
