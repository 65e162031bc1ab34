/**
 * Builds a Debian package for this machine's architecture: `node scripts/deb.ts DIRECTORY`. Touches
 * the disk; needs npm, a package registry and dpkg-deb. The package holds what the npm package does
 * and brings its own Node.js, the units, completion, the manual page and a configuration that is
 * kept over upgrades.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { readScriptLine } from './command-line.ts';
import { compileTo } from './compile.ts';
import { manPagePath } from './man-page.ts';

const root = path.dirname(import.meta.dirname);
// Plain JavaScript without declarations.
const { nodeFlags }: { readonly nodeFlags: readonly string[] } = await import(
  path.join(root, 'bin/find-node.js')
);
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const units = ['terrafirma.service', 'terrafirma-http.socket', 'terrafirma-https.socket'];
const completions = {
  bash: 'usr/share/bash-completion/completions/terrafirma',
  fish: 'usr/share/fish/vendor_completions.d/terrafirma.fish',
  zsh: 'usr/share/zsh/vendor-completions/_terrafirma',
};

/** Not `bin/terrafirma.js` itself: that asks for a Node.js of the system, and there may be none. */
const launcher = `#!/bin/sh
program=$(readlink -f "$0")
home=\${program%/bin/terrafirma}/lib/terrafirma
PATH=$home/node_modules/.bin:$PATH
export PATH
exec "$home/node_modules/.bin/node" ${nodeFlags.join(' ')} "$home/bin/terrafirma.js" "$@"
`;

/** Not where the package goes into a directory that is to become a system. */
const isSystemHere = '[ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]';

/** Nothing is enabled: what to serve stands in the configuration first. */
const afterInstall = `#!/bin/sh
set -e
if [ "$1" = configure ] && ${isSystemHere}; then
  systemctl daemon-reload
  systemctl try-restart terrafirma.service
fi
`;

const beforeRemoval = `#!/bin/sh
set -e
if [ "$1" = remove ] && ${isSystemHere}; then
  systemctl disable --now ${[...units].reverse().join(' ')}
fi
`;

/** What was stored (/var/lib/terrafirma) is the owners': it outlives even a purge. */
const afterRemoval = `#!/bin/sh
set -e
if ${isSystemHere}; then
  systemctl daemon-reload
fi
`;

/** What the package says of itself. */
export function controlFile(version: string, architecture: string): string {
  return `${[
    'Package: terrafirma',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: terrafirma <root@localhost>',
    'Section: httpd',
    'Priority: optional',
    // Those of its Node.js.
    'Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1',
    'Description: websites with WebAssembly functions from synced folders',
    ' A daemon that turns folders into websites: a deploy is an overwritten file.',
  ].join('\n')}\n`;
}

/**
 * Returns the file that was made in `directory`.
 *
 * @throws Error when a program that it needs is not there or fails
 */
export function buildPackage(directory: string, compression: 'xz' | 'none' = 'xz'): string {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const architecture = architectures[process.arch];
  if (architecture === undefined) throw new Error(`there is no package for ${process.arch}`);
  const tree = mkdtempSync(path.join(tmpdir(), 'terrafirma-deb-'));
  try {
    // It becomes the root directory: everybody is to enter it.
    chmodSync(tree, 0o755);
    installProgram(path.join(tree, 'usr/lib/terrafirma'));
    installShared(tree);
    put(tree, 'DEBIAN/control', controlFile(version, architecture));
    put(tree, 'DEBIAN/conffiles', '/etc/terrafirma/config.toml\n');
    put(tree, 'DEBIAN/postinst', afterInstall, 0o755);
    put(tree, 'DEBIAN/prerm', beforeRemoval, 0o755);
    put(tree, 'DEBIAN/postrm', afterRemoval, 0o755);
    const file = path.join(directory, `terrafirma_${version}_${architecture}.deb`);
    run('dpkg-deb', ['--build', '--root-owner-group', `-Z${compression}`, tree, file], root);
    return file;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** The files of the npm package, what it depends on, and its Node.js. */
function installProgram(home: string): void {
  const { files }: { files: readonly string[] } = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  );
  mkdirSync(home, { recursive: true });
  // dist/ is built in its place, so that a build of the checkout at the same time is not disturbed.
  const copied = files.filter((name) => name !== 'dist' && name !== 'systemd');
  for (const name of [...copied, 'package.json', 'package-lock.json']) {
    cpSync(path.join(root, name), path.join(home, name), { recursive: true });
  }
  compileTo(path.join(home, 'dist'));
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  run('npm', ['ci', '--omit=dev', ...quiet], home);
  // A quarter of the package: what only programs in C++ are built with.
  const node = realpathSync(path.join(home, 'node_modules/.bin/node'));
  rmSync(path.join(node, '../../include'), { recursive: true });
}

/** What the system looks for in its own places. */
function installShared(tree: string): void {
  put(tree, 'usr/bin/terrafirma', launcher, 0o755);
  put(tree, 'etc/terrafirma/config.toml', readFileSync(path.join(root, 'config/terrafirma.toml')));
  const manual = gzipSync(readFileSync(path.join(root, manPagePath)));
  put(tree, 'usr/share/man/man1/terrafirma.1.gz', manual);
  put(tree, 'usr/share/doc/terrafirma/copyright', readFileSync(path.join(root, 'LICENSE')));
  for (const unit of units) {
    put(tree, `usr/lib/systemd/system/${unit}`, readFileSync(path.join(root, 'systemd', unit)));
  }
  const program = path.join(tree, 'usr/lib/terrafirma/bin/terrafirma.js');
  for (const [shell, place] of Object.entries(completions)) {
    put(tree, place, run(process.execPath, [program, 'completion', shell], root));
  }
}

function put(tree: string, name: string, bytes: Uint8Array | string, mode = 0o644): void {
  mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
  writeFileSync(path.join(tree, name), bytes);
  chmodSync(path.join(tree, name), mode);
}

/** Returns what it wrote to its standard output. */
function run(command: string, args: readonly string[], directory: string): Buffer {
  const ended = spawnSync(command, args, { cwd: directory });
  if (ended.status !== 0) {
    const said = ended.error?.message ?? `${ended.stdout}${ended.stderr}`;
    throw new Error(`${command} ${args.join(' ')} ended with ${ended.status}:\n${said}`);
  }
  return ended.stdout;
}

if (import.meta.main) {
  const { rest } = readScriptLine({
    command: 'node scripts/deb.ts',
    about: 'Builds the Debian package; DIR gets it, or the directory here.',
    flags: {},
    rest: { usage: '[DIR]', max: 1 },
  });
  const file = buildPackage(path.resolve(rest[0] ?? '.'));
  process.stdout.write(`${file}\n`);
}
