import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  allowsAnyOrigin,
  challengeHeader,
  decideAccess,
  isTooCostly,
  readCredentials,
  verifyPassword,
} from '../../src/site/access.ts';
import { type Manifest, mayReadAnonymously, parseManifest } from '../../src/site/manifest.ts';

const SALT = '00112233445566778899aabb';
const HASH = `sha256:${SALT}:${'0'.repeat(64)}`;

function manifest(paths: object, users = ['alice', 'bob']): Manifest {
  const file = {
    version: 'v1',
    users: Object.fromEntries(users.map((name) => [name, HASH])),
    per_path_configs: paths,
  };
  return parseManifest(Buffer.from(JSON.stringify(file)), 100_000);
}

const mixed = manifest({
  '/': { anonymous_permissions: 'read' },
  '/private': { whitelist_additional_permissions: { alice: 'read' } },
  '/private/both': { whitelist_additional_permissions: { alice: 'read', bob: 'read,list' } },
  '/private/open': { anonymous_permissions: 'read,list' },
  '/nobody': {},
});

function verdict(path: string, user?: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  return decideAccess(mixed, segments, user).kind;
}

describe('access', () => {
  test.each([
    ['/', undefined, 'granted'],
    ['/hello.wasm', undefined, 'granted'],
    ['/private', undefined, 'login'],
    ['/private/x', undefined, 'login'],
    ['/private/x', 'alice', 'granted'],
    ['/private/x', 'bob', 'login'],
    ['/private/both/x', 'bob', 'granted'],
    ['/private/open/x', undefined, 'granted'],
    ['/nobody/x', undefined, 'denied'],
    ['/nobody/x', 'alice', 'denied'],
    // The deepest ancestor decides alone, and names are whole segments.
    ['/privateer', undefined, 'granted'],
    // A file system that ignores case opens the closed folder under another name.
    ['/Private/x', undefined, 'login'],
    ['/PRIVATE/x', 'alice', 'granted'],
    ['/NOBODY/x', undefined, 'denied'],
  ])('of %s for %s is %s', (path, user, expected) => {
    expect(verdict(path, user)).toBe(expected);
  });

  test('names the configured path as the realm', () => {
    const realm = decideAccess(mixed, ['private', 'both', 'x', 'y'], undefined);
    expect(realm).toEqual({ kind: 'login', realm: '/private/both' });
  });

  test('is open without a file, and closed in one without an entry for the root', () => {
    const none = parseManifest(undefined, 1);
    expect(decideAccess(none, ['x'], undefined).kind).toBe('granted');
    expect(decideAccess(manifest({}), ['x'], 'alice').kind).toBe('denied');
    const deep = manifest({ '/a': { anonymous_permissions: 'read' } });
    expect(decideAccess(deep, ['x'], undefined).kind).toBe('denied');
    expect(decideAccess(deep, ['a', 'x'], undefined).kind).toBe('granted');
  });

  test('of nobody in particular is what the quick look says', () => {
    const names = ['', 'private', 'Private', 'nobody', 'open', 'both', 'x'];
    for (const first of names) {
      for (const second of names) {
        const segments = [first, second].filter((name) => name !== '');
        const isGranted = decideAccess(mixed, segments, undefined).kind === 'granted';
        expect(mayReadAnonymously(mixed, segments)).toBe(isGranted);
      }
    }
  });

  test('lets scripts of any origin read where the deepest ancestor says so', () => {
    const cors = manifest({
      '/': { anonymous_permissions: 'read', 'Access-Control-Allow-Origin': '*' },
      '/own': { anonymous_permissions: 'read' },
    });
    expect(allowsAnyOrigin(cors, ['x'])).toBe(true);
    expect(allowsAnyOrigin(cors, ['own', 'x'])).toBe(false);
    expect(allowsAnyOrigin(mixed, ['x'])).toBe(false);
  });
});

describe('credentials', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  test('are read from a Basic header', () => {
    expect(readCredentials(basic('alice:pass:word'))).toEqual({
      user: 'alice',
      password: 'pass:word',
    });
    expect(readCredentials(basic('älice:☃'))).toEqual({ user: 'älice', password: '☃' });
    expect(readCredentials(`basic   ${basic('a:').slice(6)}`)).toEqual({ user: 'a', password: '' });
  });

  test.each([
    undefined,
    '',
    'Bearer abc',
    'Basic',
    'Basic !!!',
    basic('nocolon'),
    basic(`a:${'x'.repeat(3_000)}`),
  ])('are none in %j', (header) => {
    expect(readCredentials(header)).toBeUndefined();
  });

  test('are asked for with a realm that fits into a header', () => {
    expect(challengeHeader('/a "b"\r\né\ud800')).toMatch(/^Basic realm="[\x21-\x7e]*", charset=/);
    expect(challengeHeader('/private')).toBe('Basic realm="/private", charset="UTF-8"');
  });
});

describe('passwords', () => {
  const salted = Buffer.concat([Buffer.from(SALT, 'hex'), Buffer.from('geheim')]);
  const digestHex = createHash('sha256').update(salted).digest('hex');

  test('are checked against salted SHA-256 and bcrypt', () => {
    const sha256 = { kind: 'sha256', saltHex: SALT, digestHex } as const;
    expect(verifyPassword('geheim', sha256)).toBe(true);
    expect(verifyPassword('Geheim', sha256)).toBe(false);
    const hash = '$2a$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW';
    expect(verifyPassword('open sesame', { kind: 'bcrypt', hash })).toBe(true);
    expect(verifyPassword('geheim', { kind: 'bcrypt', hash })).toBe(false);
  });

  test('with hashes that take too long are not checked', () => {
    const hash = (cost: string): string => `$2a$${cost}$${'a'.repeat(53)}`;
    expect(isTooCostly({ kind: 'bcrypt', hash: hash('14') })).toBe(false);
    expect(isTooCostly({ kind: 'bcrypt', hash: hash('15') })).toBe(true);
    expect(isTooCostly({ kind: 'sha256', saltHex: SALT, digestHex })).toBe(false);
  });
});
