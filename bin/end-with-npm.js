// Plain JavaScript for Node.js 18 and newer. Ends this process with the npm that started it by one
// of its scripts: npm passes signals on to the shell between, which passes them on to nobody.
import { readFileSync } from 'node:fs';

const lookMs = 500;

/** SIGTERM to ourselves, as npm's own end would have it, once npm or its shell is gone. */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const { ppid } = process;
  // Some shells become what they start: then npm is our parent, and who started that may go.
  const npm = isOfSameScript(ppid) ? parentOf(ppid) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === ppid && (npm === undefined || parentOf(ppid) === npm)) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, lookMs);
  // What has nothing to do any more ends by itself.
  timer.unref();
}

/**
 * Whether that one runs the same script of npm. False for npm itself, which may be part of another,
 * and where the system does not say.
 *
 * @param {number} pid
 */
function isOfSameScript(pid) {
  const { npm_lifecycle_script: script = '' } = process.env;
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return environment.includes(`npm_lifecycle_script=${script}`);
  } catch {
    return false;
  }
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
