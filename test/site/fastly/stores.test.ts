import { describe, expect, test } from 'vitest';
import { faultOf, read } from './read.ts';

function textOf(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString('utf8');
}

describe('config_stores', () => {
  test('stand in the file or in JSON, also as dictionaries', () => {
    const { configStores } = read(
      `
      [local_server.dictionaries.inline]
      format = "inline-toml"
      contents = { a = "1" }
      [local_server.dictionaries.json]
      format = "json"
      file = "./data/config.json"
    `,
      { 'data/config.json': '\ufeff{ "b": "2", "my key": "ü" }' },
    );
    expect(configStores.get('inline')).toEqual(new Map([['a', '1']]));
    expect(configStores.get('json')).toEqual(
      new Map([
        ['b', '2'],
        ['my key', 'ü'],
      ]),
    );
  });

  const json = '[local_server.config_stores.s]\nformat = "json"\nfile = "a.json"';
  test.each([
    [
      json,
      { 'a.json': '{\n "a": "1",\n "b": 2 }' },
      'a.json:3: b must be a string: received a number',
    ],
    [json, { 'a.json': '{\n "a": \n}' }, 'a.json:3: must be JSON'],
    [json, { 'a.json': '[]' }, 'a.json:1: the file must be a table: received a list'],
    [
      json,
      { 'a.json': `{"${'k'.repeat(257)}":"v"}` },
      'a key has at most 256 characters: received 257',
    ],
    [
      json,
      { 'a.json': `{"k":"${'v'.repeat(8_001)}"}` },
      'a value has at most 8000 characters: received 8001',
    ],
    ['[local_server.config_stores.s]\nformat = "json"', {}, 'must have "file" and no other'],
    ['[local_server.config_stores.s]\nformat = "yaml"', {}, 'must be "inline-toml" or "json"'],
  ])('what is wrong is told with its line', (text, files, sentence) => {
    expect(faultOf(text, files)).toContain(sentence);
  });
});

describe('kv_stores', () => {
  test('begin with text, files, metadata, JSON, and nothing', () => {
    const { seeds } = read(
      `
      [local_server.kv_stores]
      empty = []
      [[local_server.kv_stores.notes]]
      key = "a"
      data = "one"
      metadata = "m"
      [[local_server.kv_stores.notes]]
      key = "b"
      file = "b.bin"
      [[local_server.kv_stores.notes]]
      key = "c"
      path = "dir/../b.bin"
      [local_server.kv_stores.json]
      file = "kv.json"
      format = "json"
    `,
      {
        'b.bin': Uint8Array.of(0, 255),
        'kv.json': '{"d": "text", "e": {"data": "x", "metadata": "y"}, "f": {"file": "b.bin"}}',
      },
    );
    expect(seeds.get('empty')?.size).toBe(0);
    const notes = seeds.get('notes');
    expect(notes?.get('a')).toEqual({ value: Buffer.from('one'), metadata: 'm' });
    expect([...(notes?.get('b')?.value ?? [])]).toEqual([0, 255]);
    expect([...(notes?.get('c')?.value ?? [])]).toEqual([0, 255]);
    const json = seeds.get('json');
    expect(textOf(json?.get('d')?.value)).toBe('text');
    expect(json?.get('e')?.metadata).toBe('y');
    expect([...(json?.get('f')?.value ?? [])]).toEqual([0, 255]);
  });

  const entry = (rest: string) => `[[local_server.object_store.s]]\n${rest}`;
  test.each([
    [entry('key = "a"'), 'fastly.toml:1: local_server.object_store.s must have exactly one of'],
    [entry('key = "a"\ndata = "x"\nfile = "y"'), 'received 2'],
    [entry('data = "x"'), 'must have "key"'],
    [entry('key = ""\ndata = "x"'), 'a key must not be empty'],
    [entry(`key = "${'k'.repeat(1_025)}"\ndata = "x"`), 'a key has at most 1024 bytes'],
    [entry('key = ".."\ndata = "x"'), 'must not have "." or ".."'],
    [entry('key = ".well-known/acme-challenge/x"\ndata = "x"'), 'must not begin with'],
    [entry('key = "a\\nb"\ndata = "x"'), 'a key must not hold a line end'],
    [entry('key = "a"\nfile = "/etc/passwd"'), 'must be the path of a file in this folder'],
    [entry('key = "a"\nfile = "../x"'), 'must be the path of a file in this folder'],
    [entry('key = "a"\nfile = "x/../../y"'), 'must be the path of a file in this folder'],
    [entry('key = "a"\nfile = ".kbp_config"'), 'must be a file that programs may have'],
    [entry('key = "a"\nfile = "Terrafirma.toml"'), 'must be a file that programs may have'],
  ])('%j is refused', (text, sentence) => {
    expect(faultOf(text)).toContain(sentence);
  });
});

describe('secret_stores', () => {
  const text = `
    [[local_server.secret_stores.vault]]
    key = "a"
    data = "hunter2"
    [[local_server.secret_stores.vault]]
    key = "b"
    file = "b.pem"
    [[local_server.secret_stores.vault]]
    key = "c"
    env = "API_KEY"
  `;

  test('are text, files, and variables that the operator grants', () => {
    const settings = read(text, { 'b.pem': 'pem' }, () => ({ value: 'from outside' }));
    expect(settings.secretStores.get('vault')).toEqual(
      new Map([
        ['a', 'hunter2'],
        ['b', 'pem'],
        ['c', 'from outside'],
      ]),
    );
    expect(settings.notes).toEqual([]);
  });

  test.each([
    ['closed', 'is not among secrets.variables of the operator'],
    ['absent', 'is not there'],
  ] as const)('a variable that is %s is no secret, and told', (answer, why) => {
    const { secretStores, notes } = read(text, { 'b.pem': 'pem' }, () => answer);
    expect(secretStores.get('vault')?.has('c')).toBe(false);
    expect(notes).toEqual([
      `the secret vault.c does not exist: the environment variable API_KEY ${why}`,
    ]);
  });

  test('are never told', () => {
    const wrong = '[[local_server.secret_stores.vault]]\nkey = "a b"\ndata = "hunter2"';
    expect(faultOf(wrong)).toMatch(/must be letters/);
    const json = '[local_server.secret_stores.vault]\nformat = "json"\nfile = "s.json"';
    const told = [
      faultOf(wrong),
      faultOf(json, { 's.json': '{"a": hunter2' }),
      faultOf(json, { 's.json': '{"a": ["hunter2"]}' }),
      faultOf('[[local_server.secret_stores.v]]\nkey = "a"\ndata = ["hunter2"]'),
    ];
    expect(told.join('\n')).not.toContain('hunter2');
    expect(told).not.toContain('accepted');
  });
});

describe('what files give', () => {
  const secrets = (count: number): string =>
    Array.from(
      { length: count },
      (_, at) => `[[local_server.secret_stores.s]]\nkey = "k${at}"\nfile = "large.txt"`,
    ).join('\n');

  test('counts as often as they are named', () => {
    const files = { 'large.txt': 'x'.repeat(1024 * 1024) };
    expect(read(secrets(4), files).secretStores.get('s')?.size).toBe(4);
    expect(faultOf(secrets(5), files)).toBe(
      'Cannot run the module: large.txt: all files have at most 4 MiB, each as often as it is ' +
        'named: received more',
    );
  });
});
