import { describe, expect, test } from 'vitest';
import type { HostsConfig } from '../../src/config/config.ts';
import { type HostName, parseFolderPath } from '../../src/names.ts';
import { HostRules } from '../../src/site/hosts.ts';

const open: HostsConfig = {
  allowed: [],
  denied: [],
  allowedFolders: [],
  deniedFolders: [],
  requireFolderConsent: false,
  reservedName: undefined,
};

function rules(config: Partial<HostsConfig>): HostRules {
  return new HostRules({ ...open, ...config });
}

function allows(config: Partial<HostsConfig>, name: string): boolean {
  try {
    rules(config).checkName(name as HostName);
    return true;
  } catch {
    return false;
  }
}

describe('host rules', () => {
  test('let every name be served when nothing is said', () => {
    expect(allows({}, 'example.com')).toBe(true);
  });

  test.each([
    ['evil.com', 'evil.com', false],
    ['evil.com', 'notevil.com', true],
    ['evil.com', 'a.evil.com', true],
    ['*.evil.com', 'a.evil.com', false],
    ['*.evil.com', 'a.b.evil.com', false],
    ['*.evil.com', 'evil.com', true],
    ['*.evil.com', 'notevil.com', true],
    ['EVIL.com', 'evil.com', false],
  ])('denied %s: is %s served? %s', (denied, name, isServed) => {
    expect(allows({ denied: [denied] }, name)).toBe(isServed);
  });

  test('serve only allowed names when some are, and denied ones never', () => {
    const config = { allowed: ['a.com', '*.b.com'], denied: ['x.b.com'] };
    expect(allows(config, 'a.com')).toBe(true);
    expect(allows(config, 'y.b.com')).toBe(true);
    expect(allows(config, 'x.b.com')).toBe(false);
    expect(allows(config, 'c.com')).toBe(false);
  });

  test('judge folders by segments, in any spelling', () => {
    const config = { deniedFolders: ['/keybase/private/bob,alice/secret'] };
    const check = (folder: string) => () => rules(config).checkFolder(parseFolderPath(folder));
    expect(check('/keybase/private/alice,bob/secret/x')).toThrow(/hosts.denied_folders/);
    expect(check('/keybase/private/alice,bob/secrets')).not.toThrow();
    const only = rules({ allowedFolders: ['/keybase/public/alice'] });
    expect(() => only.checkFolder(parseFolderPath('/keybase/public/bob'))).toThrow(/allowed_fold/);
    expect(() => only.checkFolder(parseFolderPath('/keybase/public/alice/x'))).not.toThrow();
  });

  test('judge whole mounts by their prefix', () => {
    const check = (config: Partial<HostsConfig>, folder: string) => () =>
      rules(config).checkFolder(parseFolderPath(folder));
    const config = { deniedFolders: ['/keybase/private/'], allowedFolders: ['/keybase'] };
    expect(check(config, '/keybase/private/alice')).toThrow(/hosts.denied_folders/);
    expect(check(config, '/keybase/public/alice')).not.toThrow();
    expect(check({ allowedFolders: ['/sites'] }, '/keybase/public/alice')).toThrow(/allowed/);
  });

  test('refuse at the start a folder that no record could name', () => {
    for (const folder of ['/keybase/private/a/../b', '/keybase/../x', '/keybase/private/A B']) {
      expect(() => rules({ deniedFolders: [folder] })).toThrow(/hosts settings/);
    }
  });

  test('let the owner of a folder say for which names it is', () => {
    const name = 'a.com' as HostName;
    expect(() => rules({}).checkConsent(name, undefined)).not.toThrow();
    expect(() => rules({}).checkConsent(name, [])).toThrow(/host_names/);
    expect(() => rules({}).checkConsent(name, [name])).not.toThrow();
    const required = rules({ requireFolderConsent: true });
    expect(() => required.checkConsent(name, undefined)).toThrow(/host_names/);
    expect(() => required.checkConsent(name, [name])).not.toThrow();
  });
});
