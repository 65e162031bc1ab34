/**
 * Builds a Debian package for this machine's architecture: `node scripts/deb.ts DIRECTORY`. Touches
 * the disk; needs npm and dpkg-deb. The package brings its own Node.js, the units, completion, the
 * manual page and a configuration that is kept over upgrades.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { manPagePath } from './man-page.ts';

const root = path.dirname(import.meta.dirname);
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const units = ['terrafirma.service', 'terrafirma-http.socket', 'terrafirma-https.socket'];

/** What the package says of itself. */
export function controlFile(version: string, architecture: string): string {
  return `${[
    'Package: terrafirma',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: terrafirma <root@localhost>',
    'Section: httpd',
    'Priority: optional',
    'Depends: libc6, libstdc++6, adduser',
    'Description: websites with WebAssembly functions from synced folders',
    ' A daemon that turns folders into websites: a deploy is an overwritten file.',
  ].join('\n')}\n`;
}

/** Resolves to the file that was made. */
function build(directory: string): string {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const architecture = architectures[process.arch];
  if (architecture === undefined) throw new Error(`there is no package for ${process.arch}`);
  const tree = mkdtempSync(path.join(tmpdir(), 'terrafirma-deb-'));
  try {
    fill(tree);
    mkdirSync(path.join(tree, 'DEBIAN'));
    writeFileSync(path.join(tree, 'DEBIAN/control'), controlFile(version, architecture));
    writeFileSync(path.join(tree, 'DEBIAN/conffiles'), '/etc/terrafirma/config.toml\n');
    const file = path.join(directory, `terrafirma_${version}_${architecture}.deb`);
    run('dpkg-deb', ['--build', '--root-owner-group', tree, file], root);
    return file;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function fill(tree: string): void {
  const home = path.join(tree, 'usr/lib/terrafirma');
  mkdirSync(home, { recursive: true });
  for (const name of ['bin', 'src', 'config', 'docs', 'package.json', 'package-lock.json']) {
    cpSync(path.join(root, name), path.join(home, name), { recursive: true });
  }
  run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], home);
  put(
    tree,
    'usr/share/man/man1/terrafirma.1.gz',
    gzipSync(readFileSync(path.join(root, manPagePath))),
  );
  put(tree, 'etc/terrafirma/config.toml', readFileSync(path.join(root, 'config/terrafirma.toml')));
  for (const unit of units) {
    put(tree, `usr/lib/systemd/system/${unit}`, readFileSync(path.join(root, 'systemd', unit)));
  }
  mkdirSync(path.join(tree, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/terrafirma/bin/terrafirma.js', path.join(tree, 'usr/bin/terrafirma'));
  chmodSync(path.join(home, 'bin/terrafirma.js'), 0o755);
  const places = {
    bash: 'bash-completion/completions/terrafirma',
    fish: 'fish/vendor_completions.d/terrafirma.fish',
  };
  for (const [shell, place] of Object.entries(places)) {
    const { stdout } = spawnSync(process.execPath, [
      path.join(home, 'bin/terrafirma.js'),
      'completion',
      shell,
    ]);
    put(tree, `usr/share/${place}`, stdout);
  }
}

function put(tree: string, name: string, bytes: Uint8Array): void {
  mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
  writeFileSync(path.join(tree, name), bytes);
}

function run(command: string, args: readonly string[], directory: string): void {
  const { status } = spawnSync(command, args, { cwd: directory, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}

if (import.meta.main) process.stdout.write(`${build(path.resolve(process.argv[2] ?? '.'))}\n`);
