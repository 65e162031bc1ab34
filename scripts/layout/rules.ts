/**
 * What the sources of this repository may look like. Data: the checks are in `checks.ts`, and who
 * may import whom is in `rooms.ts`.
 */

/** Files that are started, not imported. */
export const entryFiles: readonly RegExp[] = [
  /^src\/main\.ts$/,
  /-thread\.ts$/,
  /^src\/serve\/thread\.ts$/,
  /^src\/page\/app\.js$/,
  /\.d\.ts$/,
];

/** Pure files: the same input gives the same output, and nothing else happens. */
export const pureFiles: readonly RegExp[] = [
  /^src\/(errors|amounts)\.ts$/,
  /^src\/http\//,
  /^src\/names(\.ts$|\/)/,
  /^src\/wasm\//,
  /^src\/abi\//,
  /^src\/site\//,
  /^src\/config\/(?!load\.ts$)/,
];

/** What pure files may import of the platform: functions that only compute. */
export const pureModules: ReadonlySet<string> = new Set([
  'node:buffer',
  'node:crypto',
  'node:path',
  'node:url',
  'node:util',
  'bcryptjs',
  // Schedules without a function start no timer.
  'croner',
  'mime',
  'smol-toml',
]);

/** Of these, pure files may import the named functions alone. */
export const pureFunctions: Readonly<Record<string, RegExp>> = {
  'node:net': /^(isIP|isIPv4|isIPv6)$/,
  // Neither input nor a clock: it lets others have their turn.
  'node:timers/promises': /^setImmediate$/,
};

/** Input, output, clocks and chance that need no import. */
export const impureGlobals = new RegExp(
  [
    String.raw`\bprocess\.(argv|cwd|env|exit|hrtime|memoryUsage|nextTick|on|once|pid)\b`,
    String.raw`\b(Date\.now|performance|Math\.random|crypto|console)\b`,
    String.raw`\bnew Date\(\)`,
    String.raw`\b(setTimeout|setInterval|setImmediate|queueMicrotask|fetch)\(`,
  ].join('|'),
);

export interface BannedWord {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** Words with one meaning each (docs); these are the ones they replaced. Code and comments. */
export const bannedWords: readonly BannedWord[] = [
  { pattern: /(?<!search )\bdomains?\b/i, instead: 'host name' },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: 'the thing itself' },
  { pattern: /\bsandbox(es)?\b/i, instead: 'instance' },
];

/** Only in comments: in code, these are names of the platform (`url.hostname`, `new Worker`). */
export const bannedInComments: readonly BannedWord[] = [
  { pattern: /(?<!\.)\bhostnames?\b/, instead: 'host name (HostName)' },
  { pattern: /\bworkers?\b(?! threads?\b)/, instead: 'thread' },
  { pattern: /\bThrows\b/, instead: '@throws' },
];

/** Modules that reach outside: a file with one says in its first comment what it touches. */
export const edgeModules: ReadonlySet<string> = new Set([
  'node:child_process',
  'node:dgram',
  'node:ffi',
  'node:fs',
  'node:fs/promises',
  'node:http',
  'node:net',
  'node:sqlite',
  'node:tls',
  'node:worker_threads',
  'undici',
]);

export const fileLinesMax = 400;
export const functionLinesMax = 60;
export const lineColumnsMax = 100;
