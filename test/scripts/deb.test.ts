/** The Debian package: built, looked at, taken apart, and served from. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPackage, controlFile } from '../../scripts/deb.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';
import { serve } from '../support/installed.ts';

const BUILD_MS_MAX = 240_000;
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0;
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|EPROTO/;

function output(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

test('says what its Node.js needs', () => {
  const control = controlFile('1.2.3', 'arm64');
  expect(control).toMatch(/^Version: 1\.2\.3$/m);
  expect(control).toMatch(/^Architecture: arm64$/m);
  expect(control).toMatch(/^Depends: .*libatomic1/m);
});

describe.skipIf(!has('dpkg-deb'))('the Debian package (skipped without dpkg-deb)', () => {
  const temporary = mkdtempSync(path.join(tmpdir(), 'terrafirma-deb-test-'));
  const installed = path.join(temporary, 'installed');
  const control = path.join(temporary, 'control');
  const unit = (name: string) => path.join(installed, 'usr/lib/systemd/system', name);
  let file = '';
  let missing: string | undefined;

  beforeAll(() => {
    try {
      file = buildPackage(temporary, 'none');
    } catch (error) {
      missing = error instanceof Error ? error.message : String(error);
      if (!unreachable.test(missing)) throw error;
      return;
    }
    output('dpkg-deb', ['--extract', file, installed]);
    output('dpkg-deb', ['--control', file, control]);
  }, BUILD_MS_MAX);

  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  test('everybody may read it and only root may write to it', ({ skip }) => {
    skip(missing !== undefined, 'the package registry cannot be reached');
    const rows = output('dpkg-deb', ['--contents', file]).trim().split('\n');
    expect(rows.filter((row) => !/^(d|-|l)\S+ root\/root /.test(row))).toEqual([]);
    const wrong = rows.filter((row) => !/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|l)/.test(row));
    expect(wrong).toEqual([]);
  });

  test('holds what the system looks for in its own places', ({ skip }) => {
    skip(missing !== undefined, 'the package registry cannot be reached');
    for (const name of [
      'etc/terrafirma/config.toml',
      'usr/share/man/man1/terrafirma.1.gz',
      'usr/share/doc/terrafirma/copyright',
      'usr/share/bash-completion/completions/terrafirma',
      'usr/share/fish/vendor_completions.d/terrafirma.fish',
      'usr/share/zsh/vendor-completions/_terrafirma',
      'usr/lib/terrafirma/docs/configuration.md',
    ]) {
      expect([name, statSync(path.join(installed, name)).size > 0]).toEqual([name, true]);
    }
    expect(readFileSync(path.join(control, 'conffiles'), 'utf8')).toBe(
      '/etc/terrafirma/config.toml\n',
    );
  });

  test.for(['postinst', 'prerm', 'postrm'])(
    '%s is a script that a shell takes',
    (name, { skip }) => {
      skip(missing !== undefined, 'the package registry cannot be reached');
      output('sh', ['-n', path.join(control, name)]);
      // Into another root directory it touches nothing of this machine's services.
      const { status } = spawnSync(path.join(control, name), ['configure'], {
        env: { PATH: '/nonexistent', DPKG_ROOT: installed },
      });
      expect(status).toBe(0);
    },
  );

  test('systemd takes the units as they are installed (skipped without it)', ({ skip }) => {
    skip(missing !== undefined, 'the package registry cannot be reached');
    skip(!has('systemd-analyze'), 'there is no systemd-analyze');
    const units = ['terrafirma.service', 'terrafirma-http.socket', 'terrafirma-https.socket'];
    output('systemd-analyze', ['verify', '--man=no', ...units.map(unit)]);
  });

  test('serves with its own Node.js where the system has none, and ends with 0', async ({
    skip,
  }) => {
    skip(missing !== undefined, 'the package registry cannot be reached');
    const bare = path.join(temporary, 'bare');
    mkdirSync(bare);
    symlinkSync('/usr/bin/readlink', path.join(bare, 'readlink'));
    using folder = new TestFolder();
    folder.put('hello');
    const started = await serve(
      [path.join(installed, 'usr/bin/terrafirma')],
      folder.directory,
      bare,
    );
    expect((await ask(started.port, '/hello.wasm')).text).toBe('hello\n');
    expect(await started.stop()).toEqual({ code: 0, signal: null });
    expect(started.complaints).toBe('');
  });
});
