import { describe, expect, test } from 'vitest';
import { type Manifest, mayReadAnonymously, parseManifest } from '../../src/site/manifest.ts';

const BYTES_MAX = 65_536;
const bcrypt = `$2a$10$${'a'.repeat(53)}`;
const sha256 = `sha256:${'0A'.repeat(12)}:${'ab'.repeat(32)}`;

function parse(value: unknown): Manifest {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return parseManifest(new TextEncoder().encode(text), BYTES_MAX);
}

function withPaths(paths: Record<string, unknown>): Manifest {
  return parse({ version: 'v1', per_path_configs: paths });
}

const open = { anonymous_permissions: 'read' };
const closed = { anonymous_permissions: '' };

describe('a manifest', () => {
  test('that is missing lets everybody read', () => {
    const manifest = parseManifest(undefined, BYTES_MAX);
    expect(manifest).toMatchObject({ isConfigured: false, anonymousRead: true });
    expect(mayReadAnonymously(manifest, ['a', 'b'])).toBe(true);
  });

  test('is read whole', () => {
    const manifest = parse({
      version: 'v1',
      users: { alice: bcrypt, bob: sha256 },
      per_path_configs: {
        '/': { anonymous_permissions: 'read,list', 'Access-Control-Allow-Origin': '*' },
        'Private/./x/': {
          whitelist_additional_permissions: { alice: 'read', bob: 'list' },
          custom_403_forbidden: '/403.html',
          custom_404_not_found: '',
        },
      },
    });
    expect(manifest).toEqual({
      isConfigured: true,
      anonymousRead: true,
      users: [
        { name: 'alice', passwordHash: { kind: 'bcrypt', hash: bcrypt } },
        {
          name: 'bob',
          passwordHash: {
            kind: 'sha256',
            saltHex: '0a'.repeat(12),
            digestHex: 'ab'.repeat(32),
          },
        },
      ],
      paths: [
        {
          segments: [],
          foldedSegments: [],
          anonymous: { read: true, list: true },
          additional: [],
          allowsAnyOrigin: true,
          custom403: undefined,
          custom404: undefined,
        },
        {
          segments: ['Private', 'x'],
          foldedSegments: ['private', 'x'],
          anonymous: { read: false, list: false },
          additional: [
            { user: 'alice', permissions: { read: true, list: false } },
            { user: 'bob', permissions: { read: false, list: true } },
          ],
          allowsAnyOrigin: false,
          custom403: '403.html',
          custom404: undefined,
        },
      ],
    });
  });

  test('is frozen, and survives the way to another thread', () => {
    const manifest = withPaths({ '/': open });
    expect(Object.isFrozen(manifest)).toBe(true);
    expect(Object.isFrozen(manifest.paths[0]?.anonymous)).toBe(true);
    expect(structuredClone(manifest)).toEqual(manifest);
  });

  test('may use the old name of the paths, and null for nothing', () => {
    const manifest = parse({ version: 'v1', users: null, acls: { '': open } });
    expect(manifest.anonymousRead).toBe(true);
    expect(manifest.users).toEqual([]);
  });

  test('may begin with a byte order mark', () => {
    expect(parse('\ufeff{"version":"v1"}').isConfigured).toBe(true);
  });

  test('has up to the given bytes, 256 paths and 1000 users', () => {
    const text = new TextEncoder().encode('{"version":"v1"}');
    expect(parseManifest(text, text.length).isConfigured).toBe(true);
    expect(() => parseManifest(text, text.length - 1)).toThrow('at most 15 bytes');
    const paths = Array.from({ length: 257 }, (_, index) => [`/p${index}`, open] as const);
    expect(withPaths(Object.fromEntries(paths.slice(1))).paths.length).toBe(256);
    expect(() => withPaths(Object.fromEntries(paths))).toThrow('at most 256 configured paths');
    const users = Array.from({ length: 1_001 }, (_, index) => [`u${index}`, bcrypt] as const);
    const version = 'v1';
    const wide = 1_000_000;
    const encode = (list: typeof users): Uint8Array =>
      new TextEncoder().encode(JSON.stringify({ version, users: Object.fromEntries(list) }));
    expect(parseManifest(encode(users.slice(1)), wide).users.length).toBe(1_000);
    expect(() => parseManifest(encode(users), wide)).toThrow('at most 1000 users');
  });
});

describe('reading without a password', () => {
  test.each<[string, Record<string, unknown>, string, boolean]>([
    ['the root is closed when it is not configured', {}, '', false],
    ['the root is closed when only a path is configured', { '/a': open }, '', false],
    ['a configured path is open', { '/a': open }, 'a/b', true],
    ['list alone does not read', { '/': { anonymous_permissions: 'list' } }, 'a', false],
    ['read and list read', { '/': { anonymous_permissions: 'list,read' } }, 'a', true],
    ['the deepest ancestor closes', { '/': open, '/a/b': closed }, 'a/b/c', false],
    ['the deepest ancestor opens', { '/': closed, '/a/b': open }, 'a/b/c', true],
    ['a sibling is not touched', { '/': open, '/a/b': closed }, 'a/bc', true],
    ['an ancestor is not touched', { '/': open, '/a/b': closed }, 'a', true],
    [
      'another case cannot open what is closed',
      { '/': open, '/private': closed },
      'PRIVATE/x',
      false,
    ],
    [
      'another case does not open what is open',
      { '/': closed, '/public': open },
      'PUBLIC/x',
      false,
    ],
    ['other forms of letters cannot open', { '/': open, '/\u00e9': closed }, 'e\u0301/x', false],
    [
      'two cases of a name keep their own rules',
      { '/': open, '/A': open, '/a': closed },
      'a',
      false,
    ],
  ])('%s', (_name, paths, path, mayRead) => {
    const manifest = withPaths(paths);
    const segments = path.split('/').filter((segment) => segment !== '');
    expect(mayReadAnonymously(manifest, segments)).toBe(mayRead);
    if (path === '') expect(manifest.anonymousRead).toBe(mayRead);
  });
});

describe('a manifest is refused', () => {
  test.each<[unknown, string]>([
    ['', 'must be JSON in UTF-8'],
    ['{', 'must be JSON in UTF-8'],
    ['null', 'must be a JSON object: received null'],
    ['[]', 'must be a JSON object: received an array'],
    ['"v1"', 'must be a JSON object: received a value of type string'],
    [{}, '"version" must be "v1": received nothing'],
    [{ version: 'v2' }, '"version" must be "v1": received "v2"'],
    [{ version: 1 }, 'received 1'],
    [{ version: 'v1', per_path_config: {} }, 'received "per_path_config"'],
    [{ version: 'v1', per_path_configs: {}, acls: {} }, 'only one of'],
    [{ version: 'v1', per_path_configs: [] }, 'received an array'],
    [{ version: 'v1', per_path_configs: { '/': null } }, 'must be a JSON object: received null'],
    [{ version: 'v1', per_path_configs: { '/': open, '.': open } }, 'only once: received "/"'],
    [{ version: 'v1', per_path_configs: { '/a/': open, a: open } }, 'only once: received "/a"'],
    [{ version: 'v1', per_path_configs: { '/../x': open } }, 'inside the folder'],
    [{ version: 'v1', per_path_configs: { '/': { anonymous: 'read' } } }, 'received "anonymous"'],
    [{ version: 'v1', per_path_configs: { '/': { anonymous_permissions: 'write' } } }, '"write"'],
    [
      { version: 'v1', per_path_configs: { '/': { anonymous_permissions: 'read, list' } } },
      'list"',
    ],
    [{ version: 'v1', per_path_configs: { '/': { anonymous_permissions: ',' } } }, '","'],
    [
      { version: 'v1', per_path_configs: { '/': { anonymous_permissions: true } } },
      'received true',
    ],
    [
      {
        version: 'v1',
        per_path_configs: { '/': { whitelist_additional_permissions: { eve: 'read' } } },
      },
      'must be in "users": received "eve"',
    ],
    [
      { version: 'v1', per_path_configs: { '/': { 'Access-Control-Allow-Origin': 'https://a' } } },
      'must be "" or "*": received "https://a"',
    ],
    [{ version: 'v1', per_path_configs: { '/': { custom_404_not_found: '../x' } } }, 'inside'],
    [{ version: 'v1', per_path_configs: { '/': { custom_403_forbidden: 4 } } }, 'received 4'],
    [{ version: 'v1', users: [] }, 'received an array'],
    [{ version: 'v1', users: { a: 'secret' } }, 'user "a" must be a bcrypt hash'],
    [{ version: 'v1', users: { a: bcrypt.slice(1) } }, 'bcrypt'],
    [{ version: 'v1', users: { a: bcrypt.replace('10', '03') } }, 'bcrypt'],
    [{ version: 'v1', users: { a: `${sha256}0` } }, 'sha256'],
    [{ version: 'v1', users: { a: 5 } }, 'received something else'],
  ])('%j', (value, sentence) => {
    expect(() => parse(value)).toThrow(sentence);
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'bad-manifest' }));
  });

  test('when it is nested without end', () => {
    expect(() => parse('['.repeat(60_000))).toThrow('must be JSON in UTF-8');
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    expect(() => parse(`{"version":${deep}}`)).toThrow('received an array');
  });

  test('when it is not UTF-8', () => {
    expect(() => parseManifest(Uint8Array.of(0x22, 0xff, 0x22), BYTES_MAX)).toThrow('UTF-8');
  });

  test('without showing its secrets', () => {
    const broken = `{"version":"v1","users":{"a":"${bcrypt}",}}`;
    expect(() => parse(broken)).toThrow(/^((?!aaaa).)*$/);
    expect(() => parse({ version: 'v1', users: { a: 'hunter2' } })).toThrow(/^((?!hunter2).)*$/);
  });
});
