import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/config/config.ts';
import type { LoadedConfig } from '../../src/config/resolve.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { allSettings, limitNames, limitSettings, variableOf } from '../../src/config/schema.ts';
import { TerrafirmaError } from '../../src/errors.ts';

interface Given {
  readonly file?: string;
  readonly environment?: Record<string, string>;
  readonly flags?: readonly (readonly [string, string])[];
}

const filePath = '/etc/terrafirma/config.toml';

function resolve(given: Given): LoadedConfig {
  return resolveConfig({
    machine: {
      environment: given.environment ?? {},
      homeDirectory: '/home/ada',
      workingDirectory: '/home/ada/work',
      parallelism: 3,
      memoryBytes: 8 * 1024 ** 3,
    },
    file: given.file === undefined ? undefined : { path: filePath, text: given.file },
    flags: (given.flags ?? []).map(([name, text]) => {
      const setting = allSettings.find((row) => row.flag === name || row.name === name);
      if (setting === undefined) throw new Error(`no setting has the flag ${name}`);
      return { setting, label: `--${name}`, text };
    }),
  });
}

function faultOf(given: Given): string {
  try {
    resolve(given);
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    expect(error.code).toBe('config');
    return error.message.replace('Cannot read the configuration: ', '');
  }
  throw new Error('nothing was refused');
}

describe('which source wins', () => {
  const sources: Given = {
    file: 'threads = 5',
    environment: { TERRAFIRMA_THREADS: '6' },
    flags: [['threads', '7']],
  };

  test('a flag wins over the environment, the file and the default', () => {
    expect(resolve(sources).config.threads).toBe(7);
  });

  test('the environment wins over the file', () => {
    expect(resolve({ ...sources, flags: [] }).config.threads).toBe(6);
  });

  test('the file wins over the default', () => {
    expect(resolve({ file: 'threads = 5' }).config.threads).toBe(5);
  });

  test('without a source there is one thread a core', () => {
    expect(resolve({}).config.threads).toBe(3);
  });

  test('an empty variable counts as none', () => {
    expect(resolve({ environment: { TERRAFIRMA_THREADS: '' } }).config.threads).toBe(3);
  });

  test('each value tells where it came from', () => {
    const loaded = resolve({
      file: '# one\n[watch]\nquiet_ms = 1\n',
      environment: { TERRAFIRMA_LOG_LEVEL: 'warn' },
      flags: [['poll-ms', '50']],
    });
    const labels = new Map([...loaded.origins].map(([row, origin]) => [row.name, origin.label]));
    expect(labels.get('watch.quiet_ms')).toBe(`${filePath}:3`);
    expect(labels.get('log.level')).toBe('TERRAFIRMA_LOG_LEVEL');
    expect(labels.get('watch.poll_ms')).toBe('--poll-ms');
    expect(labels.get('threads')).toBe('default');
  });
});

describe('variables that other programs agreed on', () => {
  test('PORT listens on every IPv4 address', () => {
    const { config } = resolve({ environment: { PORT: '3000' } });
    expect(config.listen).toEqual([{ host: '0.0.0.0', port: 3000 }]);
  });

  test('TERRAFIRMA_LISTEN wins over PORT', () => {
    const environment = { PORT: '3000', TERRAFIRMA_LISTEN: '[::1]:80,127.0.0.1:81' };
    expect(resolve({ environment }).config.listen).toEqual([
      { host: '::1', port: 80 },
      { host: '127.0.0.1', port: 81 },
    ]);
  });

  test('a PORT that is none is refused by its name', () => {
    expect(faultOf({ environment: { PORT: 'http' } })).toMatch(/^PORT: must be host:port/);
  });

  test('STATE_DIRECTORY of systemd: its first directory', () => {
    const { config } = resolve({ environment: { STATE_DIRECTORY: '/var/lib/a:/var/lib/b' } });
    expect(config.stateDirectory).toBe('/var/lib/a');
  });

  test('XDG_DATA_HOME moves the state directory when it is absolute', () => {
    const absolute = resolve({ environment: { XDG_DATA_HOME: '/data' } });
    expect(absolute.config.stateDirectory).toBe('/data/terrafirma');
    const relative = resolve({ environment: { XDG_DATA_HOME: 'data' } });
    expect(relative.config.stateDirectory).toBe('/home/ada/.local/share/terrafirma');
  });

  test('NO_COLOR with any value takes the colours away', () => {
    expect(resolve({}).config.log.color).toBe(true);
    expect(resolve({ environment: { NO_COLOR: 'false' } }).config.log.color).toBe(false);
    expect(resolve({ environment: { NO_COLOR: '' } }).config.log.color).toBe(true);
  });
});

describe('unknown names are refused, and the one that was meant is named', () => {
  test.each([
    [
      'lisen = []',
      `${filePath}:1: the key must be known: received "lisen" (did you mean "listen"?)`,
    ],
    ['\n[limits]\ncpu_max = 1', `${filePath}:3: the key must be known: received "limits.cpu_max"`],
    ['cpu_ms_max = 1', '(did you mean "limits.cpu_ms_max"?)'],
    ['[limit]\ncpu_ms_max = 1', '(did you mean "limits"?)'],
    ['[a.b.c]\nd = 1', `${filePath}:1: the key must be known: received "a"`],
    ['[dns.more]\nd = 1', `${filePath}:1: the key must be known: received "dns.more"`],
    ['__proto__ = 1', 'the key must be known: received "__proto__"'],
    ['[limits]\nconstructor = 1', 'the key must be known: received "limits.constructor"'],
    ['dns = 3', `${filePath}:1: the key must be known: received "dns"`],
  ])('%j', (file, sentence) => {
    expect(faultOf({ file })).toContain(sentence);
  });

  test('variables too', () => {
    expect(faultOf({ environment: { TERRAFIRMA_LISTN: 'x' } })).toContain(
      'TERRAFIRMA_LISTN: the variable must be known: received it ' +
        '(did you mean "TERRAFIRMA_LISTEN"?)',
    );
  });

  test('but not the variables that Kubernetes invents for a service of our name', () => {
    const environment = {
      TERRAFIRMA_SERVICE_HOST: '10.0.0.1',
      TERRAFIRMA_SERVICE_PORT_HTTP: '80',
      TERRAFIRMA_PORT: 'tcp://10.0.0.1:80',
      TERRAFIRMA_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(resolve({ environment }).config.threads).toBe(3);
  });
});

describe('bad values are refused with line or name, rule and value', () => {
  test.each([
    ['threads = "many"', `${filePath}:1: threads must be a whole number from 1 to 256`],
    ['threads = 1.5', 'received 1.5'],
    ['threads = 257', 'received 257'],
    ['threads = true', 'received true'],
    ['listen = "127.0.0.1:80"', 'listen must be a list'],
    ['listen = []', 'listen must have from 1 to 16 elements: received 0'],
    ['listen = [\n "127.0.0.1:80",\n "nonsense" ]', `${filePath}:1: listen must be host:port`],
    ['[dns]\nservers = ["dns.example.com"]', 'dns.servers must be the address of a DNS server'],
    ['[dns]\nrecord_names = []', 'dns.record_names must have from 1 to 4 elements'],
    ['[log]\nlevel = "loud"', 'log.level must be one of trace, debug, info'],
    [
      '[[mounts]]\nprefix = "/a"',
      `${filePath}:1: mounts.directory must be a path: received nothing`,
    ],
    [
      '[[mounts]]\nprefix = "/a"\ndirectory = "/a"\n\n[[mounts]]\nprefix = "b"\ndirectory = "/b"',
      `${filePath}:6: mounts.prefix must be a path of names, such as /keybase: received "b"`,
    ],
    [
      '[[mounts]]\nprefix="/a"\ndirectory="/a"\nwach="poll"',
      `${filePath}:4: mounts.wach must be a known key ` +
        `(prefix, directory, watch, writable): received "poll"`,
    ],
    [
      '[[mounts]]\nprefix="/a"\ndirectory="/a"\nwatch="x"',
      `${filePath}:4: mounts.watch must be one of auto, poll, events: received "x"`,
    ],
    ['x = [', `${filePath}:`],
    ['threads = 1\nthreads = 2', `${filePath}:2: it must be valid TOML`],
  ])('%j', (file, sentence) => {
    expect(faultOf({ file })).toContain(sentence);
  });

  test('a flag that is no list is given once', () => {
    const flags = [
      ['threads', '1'],
      ['threads', '2'],
    ] as const;
    expect(faultOf({ flags })).toContain('--threads: must be given once: received it 2 times');
  });
});

describe('a folder or mounts', () => {
  const mounts = '[[mounts]]\nprefix = "/keybase"\ndirectory = "sites"\n';

  test('mounts of the file are relative to the file', () => {
    expect(resolve({ file: mounts }).config.mounts).toEqual([
      { prefix: '/keybase', directory: '/etc/terrafirma/sites', watch: 'auto' },
    ]);
  });

  test('a folder on the command line puts mounts of the file aside', () => {
    const { config } = resolve({ file: mounts, flags: [['folder', './site']] });
    expect(config.folder).toBe('/home/ada/work/site');
    expect(config.mounts).toEqual([]);
  });

  test('a mount on the command line puts a folder of the environment aside', () => {
    const { config } = resolve({
      environment: { TERRAFIRMA_FOLDER: '/site' },
      flags: [['mount', '/keybase=/k']],
    });
    expect(config.folder).toBeUndefined();
    expect(config.mounts).toHaveLength(1);
  });

  test('both from the same source are refused', () => {
    expect(faultOf({ file: `folder = "x"\n${mounts}` })).toContain('not both');
  });

  test('mounts of the environment are separated by semicolons', () => {
    const environment = { TERRAFIRMA_MOUNTS: '/a=/sites/alice,bot; /b=/c=d' };
    expect(resolve({ environment }).config.mounts).toEqual([
      { prefix: '/a', directory: '/sites/alice,bot', watch: 'auto' },
      { prefix: '/b', directory: '/c=d', watch: 'auto' },
    ]);
  });

  test('two mounts of one prefix are refused', () => {
    const flags = [
      ['mount', '/a=/x'],
      ['mount', '/a/=/y'],
    ] as const;
    expect(faultOf({ flags })).toContain('--mount: mounts must have different prefixes');
  });
});

describe('limits', () => {
  test('all have their documented defaults', () => {
    expect(resolve({}).config.limits).toEqual(defaultLimits);
  });

  test.each(limitNames)(
    '%s can be set in the file and the environment, within its range',
    (name) => {
      const setting = limitSettings[name];
      const key = setting.name.replace('limits.', '');
      const value = defaultLimits[name];
      expect(resolve({ file: `[limits]\n${key} = ${value}` }).config.limits[name]).toBe(value);
      const environment = { [variableOf(setting)]: `${value}` };
      expect(resolve({ environment }).config.limits[name]).toBe(value);
      expect(faultOf({ file: `[limits]\n${key} = -1` })).toContain(`${setting.name} must be`);
      expect(faultOf({ file: `[limits]\n${key} = 9.5e15` })).toContain('must be');
    },
  );

  test.each([
    ['memory_bytes_max = "64 MiB"', 'memoryBytesMax', 64 * 1024 * 1024],
    ['memory_bytes_max = "1_024 KiB"', 'memoryBytesMax', 1024 * 1024],
    ['wall_ms_max = "2 min"', 'wallMsMax', 120_000],
    ['cpu_ms_max = 2_000', 'cpuMsMax', 2_000],
  ] as const)('%s', (line, name, value) => {
    expect(resolve({ file: `[limits]\n${line}` }).config.limits[name]).toBe(value);
  });

  test.each([
    ['wall_ms_max = 2147483648', 'a timer that long would fire at once'],
    ['memory_bytes_max = 65535', 'less than one page'],
    ['memory_bytes_max = 4294967297', 'more than a memory can have'],
    ['memory_bytes_max = "64 MB"', 'no unit of ours'],
    ['memory_bytes_max = "64 constructor"', 'no unit of anybody'],
    ['runs_per_site_max = "10 s"', 'a count has no unit'],
    ['cpu_ms_max = 0', 'nothing works with nothing'],
  ])('%s is refused: %s', (line) => {
    expect(faultOf({ file: `[limits]\n${line}` })).toContain('must be a whole number');
  });

  test('values that contradict each other are refused, at the one that was set', () => {
    expect(faultOf({ file: '[limits]\n\ndns_ttl_floor_ms = 3600001' })).toBe(
      `${filePath}:3: limits.dns_ttl_floor_ms must be at most limits.dns_ttl_ceiling_ms: ` +
        'received 3600001 and 3600000',
    );
  });
});

test('the configuration is frozen all the way down', () => {
  const { config } = resolve({ flags: [['mount', '/a=/b']] });
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.limits)).toBe(true);
  expect(config.mounts.every((mount) => Object.isFrozen(mount))).toBe(true);
});

test('the configuration can be sent to a thread', () => {
  const { config } = resolve({ flags: [['mount', '/a=/b']] });
  expect(structuredClone(config)).toEqual(config);
});
