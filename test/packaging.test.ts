import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './support/daemon.ts';
import { TestFolder } from './support/folder.ts';
import { ask } from './support/http.ts';
import { serve, systemPath } from './support/installed.ts';

const root = path.join(import.meta.dirname, '..');
const BUILD_MS_MAX = 180_000;
const INSTALL_MS_MAX = 240_000;

/** A Node.js of the system that cannot run the program itself, if there is one. */
const olderNode = findOlderNode();

function findOlderNode(): string | undefined {
  const script = 'process.exit(typeof WebAssembly.Suspending === "function" ? 1 : 0)';
  const found = systemPath
    .split(path.delimiter)
    .map((directory) => path.join(directory, 'node'))
    .filter((file) => existsSync(file) && file !== process.execPath);
  return found.find((file) => spawnSync(file, ['-e', script]).status === 0);
}

/** npm as whoever runs the tests has it, started by this Node.js. Throws what it said. */
function npm(argv: readonly string[], directory = root): string {
  const script = process.env.npm_execpath;
  const [file, first] = script === undefined ? ['npm', []] : [process.execPath, [script]];
  const { status, stdout, stderr } = spawnSync(file, [...first, ...argv], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, npm_config_loglevel: 'error', npm_config_update_notifier: 'false' },
  });
  if (status !== 0) throw new Error(`npm ${argv[0]} failed:\n${stdout}${stderr}`);
  return stdout;
}

describe('the package', () => {
  const temporary = mkdtempSync(path.join(tmpdir(), 'terrafirma-packaging-'));
  const program = path.join(temporary, 'package', 'bin', 'terrafirma.js');
  let tarball = '';

  beforeAll(() => {
    const packed: unknown = JSON.parse(npm(['pack', '--json', '--pack-destination', temporary]));
    const [row] = Array.isArray(packed) ? packed : Object.values(packed ?? {});
    tarball = path.join(temporary, String(row.filename));
    execFileSync('tar', ['-xzf', tarball, '-C', temporary]);
    symlinkSync(path.join(root, 'node_modules'), path.join(temporary, 'node_modules'));
  }, BUILD_MS_MAX);

  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  test('holds what is documented and no sources or tests', () => {
    const names = readdirSync(path.join(temporary, 'package')).sort();
    expect(names).toEqual(expect.arrayContaining(['bin', 'config', 'dist', 'package.json']));
    expect(names).not.toEqual(expect.arrayContaining(['src']));
    expect(names).not.toEqual(expect.arrayContaining(['test']));
  });

  test('has every thread that the program starts', () => {
    const dist = path.join(temporary, 'package', 'dist');
    const built = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    const threads = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => /(^|[-/])thread\.ts$/.test(file))
      .map((file) => file.replace(/\.ts$/, '.js'));
    expect(threads.length).toBeGreaterThan(2);
    expect(built).toEqual(expect.arrayContaining(threads));
  });

  test('imports no TypeScript any more', () => {
    const dist = path.join(temporary, 'package', 'dist');
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    const faulty = files
      .filter((file) => file.endsWith('.js'))
      .filter((file) => /from '\.[^']*\.ts'/.test(readFileSync(path.join(dist, file), 'utf8')));
    expect(faulty).toEqual([]);
  });

  test('says its version', () => {
    const { stdout, status } = spawnSync(process.execPath, [program, '--version'], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^terrafirma \d/);
  });

  test('serves, without a word of warning, and ends with 0', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    const started = await serve([process.execPath, program], folder.directory);
    expect((await ask(started.port, '/hello.wasm')).text).toBe('hello\n');
    expect(await started.stop()).toEqual({ code: 0, signal: null });
    expect(started.complaints).toBe('');
  });

  test.skipIf(olderNode === undefined)(
    'starts again under the packaged Node.js when the system has an older one (skipped without)',
    async () => {
      using folder = new TestFolder();
      folder.put('hello');
      const started = await serve([olderNode ?? '', program], folder.directory);
      expect((await ask(started.port, '/hello.wasm')).text).toBe('hello\n');
      expect(await started.stop()).toEqual({ code: 0, signal: null });
      expect(started.complaints).toBe('');
    },
  );

  test.skipIf(olderNode === undefined)(
    'takes a signal to its process group, which arrives twice, for one (skipped without)',
    async () => {
      using folder = new TestFolder();
      const started = await serve([olderNode ?? '', program], folder.directory);
      expect(await started.interrupt()).toEqual({ code: 0, signal: null });
      expect(started.complaints).toBe('');
    },
  );

  test.skipIf(olderNode === undefined)(
    'leaves no daemon behind when what started it is killed (skipped without)',
    async () => {
      using folder = new TestFolder();
      folder.put('hello');
      const started = await serve([olderNode ?? '', program], folder.directory);
      await started.kill();
      await waitFor(() =>
        ask(started.port, '/hello.wasm').then(
          () => undefined,
          () => true,
        ),
      );
    },
  );

  test.skipIf(olderNode === undefined)('passes on exit codes (skipped without)', () => {
    const end = spawnSync(olderNode ?? '', [program, 'serve'], { encoding: 'utf8' });
    expect(end.status).toBe(2);
    expect(end.stderr).toContain('Cannot serve: a folder or a mount must be given');
  });

  test.skipIf(olderNode === undefined)(
    'says what is missing when there is no Node.js for it (skipped without an older one)',
    () => {
      const alone = path.join(temporary, 'alone');
      mkdirSync(alone);
      execFileSync('tar', ['-xzf', tarball, '-C', alone]);
      const bare = mkdtempSync(path.join(tmpdir(), 'terrafirma-bare-'));
      execFileSync('cp', ['-r', path.join(alone, 'package'), bare]);
      const end = spawnSync(
        olderNode ?? '',
        [path.join(bare, 'package', 'bin', 'terrafirma.js'), '--version'],
        { encoding: 'utf8' },
      );
      rmSync(bare, { recursive: true, force: true });
      expect(end.status).toBe(1);
      expect(end.stderr).toMatch(/^Cannot start terrafirma: it needs Node\.js 26 or newer: .*\n$/);
    },
  );

  test('npm i -g of the tarball works (skipped without a registry)', {
    timeout: INSTALL_MS_MAX,
  }, async ({ skip }) => {
    const prefix = path.join(temporary, 'prefix');
    const offline = ['--prefer-offline', '--fetch-retries=0', '--fetch-timeout=60000'];
    const quiet = ['--no-audit', '--no-fund'];
    try {
      npm(['install', '--global', '--prefix', prefix, ...offline, ...quiet, tarball], temporary);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|EPROTO/;
      if (unreachable.test(text)) skip('the package registry cannot be reached');
      throw error;
    }
    using folder = new TestFolder();
    folder.put('hello');
    const installed = path.join(prefix, 'bin', 'terrafirma');
    const node = olderNode ?? process.execPath;
    const started = await serve([node, installed], folder.directory);
    expect((await ask(started.port, '/hello.wasm')).text).toBe('hello\n');
    expect(await started.stop()).toEqual({ code: 0, signal: null });
    expect(started.complaints).toBe('');
  });
});
