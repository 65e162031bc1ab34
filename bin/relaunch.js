// Plain JavaScript for Node.js 18 and newer. Starts a program again under another Node.js, and
// stands in for it: the same streams, signals and exit.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { explainMissingNode, findPackagedNode, nodeFlags } from './find-node.js';

const passedOn = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

/**
 * Ends this process as the other one ends; 1 when it cannot be started.
 *
 * @param {readonly string[]} argv the script and its arguments
 * @param {{ isTied?: boolean, executable?: string | undefined }} [options] `isTied`: the program
 *   knows how to end when this process is killed, which it is told by a channel (`endWithWrapper`
 *   in src/main.ts); `executable`: where it is not the Node.js that the optional dependencies
 *   brought
 */
export function relaunch(argv, { isTied = false, executable = findPackagedNode() } = {}) {
  if (executable === undefined) {
    process.stderr.write(`${explainMissingNode()}\n`);
    process.exit(1);
  }
  // Whatever the program starts by the name `node` must be this one, too.
  const env = {
    ...process.env,
    ...(isTied ? { TERRAFIRMA_WRAPPED: '1' } : {}),
    PATH: [path.dirname(executable), process.env.PATH].filter(Boolean).join(path.delimiter),
  };
  const child = spawn(executable, [...nodeFlags, ...argv], {
    // A descriptor that is not named here is not there for the child.
    stdio: ['inherit', 'inherit', 'inherit', ...listInherited(), ...(isTied ? ['ipc'] : [])],
    env,
  });
  for (const signal of passedOn) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`Cannot start ${executable}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * Sockets that were opened for this process (sd_listen_fds(3)): the child checks that they were
 * meant for its parent.
 *
 * @returns {readonly number[]}
 */
function listInherited() {
  const { LISTEN_FDS, LISTEN_PID } = process.env;
  const count = LISTEN_PID === String(process.pid) ? Number(LISTEN_FDS) : 0;
  return Array.from({ length: Number.isInteger(count) ? count : 0 }, (_, at) => 3 + at);
}
