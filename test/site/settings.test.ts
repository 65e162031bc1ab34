import { describe, expect, test } from 'vitest';
import { parseSettings, settingsFor } from '../../src/site/settings.ts';

const BYTES_MAX = 1_000;
const parse = (text: string) => parseSettings(Buffer.from(text), BYTES_MAX);
const fault = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'accepted';
};

describe('parseSettings()', () => {
  test('without a file nothing is set', () => {
    const settings = settingsFor(parseSettings(undefined, BYTES_MAX), 'a.wasm');
    expect(settings).toEqual({
      modulePath: 'a.wasm',
      environment: new Map(),
      protocol: 'cgi',
      webSocket: 'lines',
      isPlainTextAllowed: false,
      isGrantedFiles: false,
      arguments: undefined,
    });
  });

  test('a module’s own settings come before the site’s', () => {
    const settings = parse(`
      protocol = "wws"
      [env]
      A = "site"
      B = "site"
      [cgi]
      text_plain = true
      ["dir/a.wasm"]
      protocol = "cgi"
      cgi.text_plain = false
      ["dir/a.wasm".env]
      B = "own"
    `);
    expect(settingsFor(settings, 'b.wasm')).toEqual({
      modulePath: 'b.wasm',
      environment: new Map([
        ['A', 'site'],
        ['B', 'site'],
      ]),
      protocol: 'wws',
      webSocket: 'lines',
      isPlainTextAllowed: true,
      isGrantedFiles: false,
      arguments: undefined,
    });
    expect(settingsFor(settings, 'dir/a.wasm')).toEqual({
      modulePath: 'dir/a.wasm',
      environment: new Map([
        ['A', 'site'],
        ['B', 'own'],
      ]),
      protocol: 'cgi',
      webSocket: 'lines',
      isPlainTextAllowed: false,
      isGrantedFiles: false,
      arguments: undefined,
    });
  });

  test('a module may have arguments, and the folder private files', () => {
    const settings = parse(`
      private = ["/app.py", "/lib/*"]
      ["lua.wasm"]
      args = ["/app.lua", "--ü"]
      ["none.wasm"]
      args = []
    `);
    expect(settingsFor(settings, 'lua.wasm').arguments).toEqual(['/app.lua', '--ü']);
    expect(settingsFor(settings, 'none.wasm').arguments).toEqual([]);
    expect(settingsFor(settings, 'other.wasm').arguments).toBeUndefined();
    expect(settings.privateFiles).toEqual([
      { segments: ['app.py'], isBelow: false },
      { segments: ['lib'], isBelow: true },
    ]);
  });

  test.each([
    ['args = ["x"]', /may hold only/],
    [
      '["a.wasm"]\nargs = "x"',
      /toml:2: "a.wasm".args must be a list of strings: received a string/,
    ],
    ['["a.wasm"]\nargs = [1]', /toml:2: "a.wasm".args must hold strings: received a number/],
    ['["a.wasm"]\nargs = ["\\u0000"]', /must not hold NUL/],
    [`["a.wasm"]\nargs = [${'0,'.repeat(257)}]`, /args may hold at most 256 strings/],
    ['private = "/a"', /private must be a list of private paths: received a string/],
    ['private = ["a"]', /private must hold paths.*received "a"/],
    ['private = ["/a/../b"]', /private must hold paths/],
    ['private = ["/*.py"]', /private must hold paths/],
    ['private = ["/"]', /private must hold paths/],
    [`private = [${'0,'.repeat(257)}]`, /at most 256 private paths/],
  ])('%j is refused', (text, reason) => {
    expect(fault(text)).toMatch(reason);
  });

  test('a module may speak another WebSocket framing than its site', () => {
    const settings = parse('websocket = "off"\n["a.wasm"]\nwebsocket = "frames"');
    expect(settingsFor(settings, 'a.wasm').webSocket).toBe('frames');
    expect(settingsFor(settings, 'b.wasm').webSocket).toBe('off');
  });

  test('what a guest inherits from Object is no setting', () => {
    expect(settingsFor(parse('[env]\n__proto__ = "x"'), 'constructor').environment).toEqual(
      new Map([['__proto__', 'x']]),
    );
  });

  test.each([
    ['[env]\nA = 1', 'terrafirma.toml:2: env.A must be a string: received a number'],
    ['[env]\n"A=B" = "x"', 'names of variables in env must be letters, digits and "_"'],
    ['[env]\n"" = "x"', 'must be letters, digits and "_"'],
    ['[env]\nA = "\\u0000"', 'must not hold NUL'],
    ['env = "x"', 'terrafirma.toml:1: env must be a table: received a string'],
    ['enviroment = 1', 'terrafirma.toml:1: the file may hold only host_names, private, env, '],
    [
      '["a.wasm"]\nhost_names = []',
      'terrafirma.toml:2: "a.wasm" may hold only env, config_env, protocol, ',
    ],
    ['[shop.wasm.env]\nA = "1"', 'a module’s path stands in quotes, as in ["hello.wasm"]'],
    ['["Hello.WASM"]\nprotocol = "cgi"', 'a module’s table ends in ".wasm"'],
    ['["../a.wasm"]', 'a module is named by its path in the folder'],
    ['["/a.wasm"]', 'a module is named by its path in the folder'],
    ['[".a.wasm"]', 'a module is named by its path in the folder'],
    ['protocol = "fcgi"', 'terrafirma.toml:1: protocol must be "cgi" or "wws": received a string'],
    ['cgi.text_plain = "yes"', 'must be true or false'],
    ['cgi.plain = true', 'cgi may hold only text_plain'],
    ['[env', 'terrafirma.toml:1: must be TOML'],
    ['a.wasm = 1', 'a module’s path stands in quotes'],
    ['websocket = "text"', 'websocket must be "lines", "frames" or "off": received a string'],
  ])('%j is refused', (text, rule) => {
    expect(fault(text)).toContain(rule);
  });

  test('a secret is in no message', () => {
    for (const text of [
      '[env]\nA = [ "hunter2" ]',
      '[env]\nA = "hunter2',
      'protocol = "hunter2"',
    ]) {
      expect(fault(text)).not.toContain('hunter2');
      expect(fault(text)).not.toBe('accepted');
    }
  });

  test('its size is bounded, in bytes', () => {
    expect(fault(`#${'x'.repeat(BYTES_MAX - 1)}`)).toBe('accepted');
    expect(fault(`#${'x'.repeat(BYTES_MAX)}`)).toContain('must be at most 1000 bytes');
    expect(() => parseSettings(Buffer.from([0x23, 0xff]), BYTES_MAX)).toThrow('TOML in UTF-8');
  });

  test('its variables and modules are counted', () => {
    const variables = (count: number) =>
      Buffer.from(`[env]\n${Array.from({ length: count }, (_, n) => `V${n}=""`).join('\n')}`);
    expect(() => parseSettings(variables(256), 1e6)).not.toThrow();
    expect(() => parseSettings(variables(257), 1e6)).toThrow('at most 256 variables');
    const modules = (count: number) =>
      Buffer.from(Array.from({ length: count }, (_, n) => `["m${n}.wasm"]`).join('\n'));
    expect(() => parseSettings(modules(256), 1e6)).not.toThrow();
    expect(() => parseSettings(modules(257), 1e6)).toThrow('at most 256 modules');
  });
});

describe('the environment of a module', () => {
  const text = `
    config_env = "settings"
    [env]
    C = "env"
    [config.settings]
    A = "config"
    B = "config"
    "not.a-variable" = "x"
    [config.other]
    A = "other"
    [secrets]
    B = "secret"
    C = "secret"
    D = "secret"
    [secrets.vault]
    E = "vault"
    ["own.wasm"]
    config_env = "other"
    ["own.wasm".secrets]
    D = "own"
    ["closed.wasm".grants]
    secrets = ["vault"]
    config = false
  `;
  const environmentOf = (modulePath: string) =>
    Object.fromEntries(settingsFor(parseSettings(Buffer.from(text), 1e6), modulePath).environment);

  test('has its config store, then the default secrets, then env', () => {
    expect(environmentOf('a.wasm')).toEqual({ A: 'config', B: 'secret', C: 'env', D: 'secret' });
    expect(environmentOf('own.wasm')).toEqual({ A: 'other', B: 'secret', C: 'env', D: 'own' });
  });

  test('has nothing that is not granted', () => {
    expect(environmentOf('closed.wasm')).toEqual({ C: 'env' });
  });
});
