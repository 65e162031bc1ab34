import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ja3, ja3Text, ja4 } from '../../../src/serve/tls/fingerprints.ts';
import { makeHello, numbers, protocolList, vector } from '../../support/client-hello.ts';
import { recordedHellos } from '../../support/recorded-hellos.ts';

const hexList = (text: string): readonly number[] =>
  text === '' ? [] : text.split(',').map((each) => Number.parseInt(each, 16));
const grease = [0x0a0a, 0x1a1a, 0xfafa];
const serverName = vector(Buffer.concat([Buffer.from([0]), vector(Buffer.from('a.test'), 2)]), 2);

describe('ja3', () => {
  // The two examples in the description of the format, with the hashes given there.
  test.each([
    [
      '769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0',
      'ada70206e40642a3e4461f35503241d5',
    ],
    ['769,4-5-10-9-100-98-3-6-19-18-99,,,', 'de350869b8c85de67a350c8d186f11e6'],
  ])('of %s', (text, hash) => {
    const [version = '', ciphers = '', extensions = '', groups = '', formats = ''] =
      text.split(',');
    const list = (dashed: string): number[] => (dashed === '' ? [] : dashed.split('-').map(Number));
    const contents = new Map([
      [0, serverName],
      [10, vector(numbers(list(groups), 2), 2)],
      [11, vector(numbers(list(formats), 1), 1)],
    ]);
    const made = list(extensions).map(
      (type) => [type, contents.get(type) ?? numbers([], 1)] as const,
    );
    const message = makeHello({
      version: Number(version),
      ciphers: list(ciphers),
      ...(made.length === 0 ? {} : { extensions: made }),
    });
    expect(ja3Text(message)).toBe(text);
    expect(Buffer.from(ja3(message)).toString('hex')).toBe(hash);
  });

  test('leaves out values that mean nothing', () => {
    const message = makeHello({
      ciphers: [0x1a1a, 0x1301, 0x0a1a],
      extensions: [
        [0xfafa, Buffer.alloc(1)],
        [10, vector(numbers([0x0a0a, 29], 2), 2)],
      ],
    });
    expect(ja3Text(message)).toBe(`771,${0x1301}-${0x0a1a},10,29,`);
  });
});

/** The example of the description of the format. */
const example = {
  ciphers: '1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035',
  extensions: '001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015',
  algorithms: '0403,0804,0401,0503,0805,0501,0806,0601',
};

interface ExampleChange {
  readonly protocols?: readonly Buffer[];
  readonly algorithms?: string;
  readonly without?: readonly number[];
  readonly versions?: readonly number[];
}

function exampleHello(change: ExampleChange = {}): Buffer {
  const { protocols = [Buffer.from('h2'), Buffer.from('http/1.1')], without = [] } = change;
  const algorithms = hexList(change.algorithms ?? example.algorithms);
  const contents = new Map([
    [0x0000, serverName],
    [0x0010, protocolList(...protocols)],
    [0x000d, vector(numbers(algorithms, 2), 2)],
    [0x002b, vector(numbers(change.versions ?? [0x3a3a, 0x0303, 0x0304], 2), 1)],
  ]);
  const types = [...grease, ...hexList(example.extensions)].filter(
    (type) => !without.includes(type),
  );
  return makeHello({
    ciphers: [...grease, ...hexList(example.ciphers)],
    extensions: types.map((type) => [type, contents.get(type) ?? Buffer.alloc(0)] as const),
  });
}

describe('ja4', () => {
  test('of the example in its description', () => {
    expect(ja4(exampleHello())).toBe('t13d1516h2_8daaf6152771_e5627efa2ab1');
  });

  test('without signature algorithms has no underscore to hash', () => {
    // The list of the description without 000d would be another: its hash is of these alone.
    const text = '0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01';
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
    expect(hash).toBe('6d807ffa2a79');
    expect(ja4(exampleHello({ algorithms: '' }))).toBe(`t13d1516h2_8daaf6152771_${hash}`);
  });

  test('of a client that names an address and no protocol', () => {
    expect(ja4(exampleHello({ without: [0x0000, 0x0010] }))).toBe(
      't13i151400_8daaf6152771_e5627efa2ab1',
    );
  });

  test.each([
    ['ab', 'ab'],
    ['abcd', 'ad'],
    ['30ab', '3b'],
    ['3031abcd', '3d'],
    ['30abcd31', '01'],
    ['41', 'AA'],
    ['', '00'],
    [Buffer.from('http/1.1').toString('hex'), 'h1'],
  ])('writes the protocol 0x%s as %s', (protocol, written) => {
    const fingerprint = ja4(exampleHello({ protocols: [Buffer.from(protocol, 'hex')] }));
    expect(fingerprint.slice(0, 10)).toBe(`t13d1516${written}`);
  });

  test.each([
    [[0x0304], '13'],
    [[0x0302, 0x0303], '12'],
    [[0xfafa, 0x0301], '10'],
    [[0x7f1c], '00'],
    [[0xfafa], '12'],
  ])('takes the highest version of %j', (versions, written) => {
    expect(ja4(exampleHello({ versions })).slice(1, 3)).toBe(written);
  });

  test('takes the version of the hello where there is no list of versions', () => {
    expect(ja4(makeHello({ version: 0x0302, ciphers: [5] })).slice(0, 10)).toBe('t11i010000');
  });

  test('says clearly that there is nothing to hash, and counts to 99', () => {
    expect(ja4(makeHello({ ciphers: [0x1a1a] }))).toBe('t12i000000_000000000000_000000000000');
    const many = Array.from({ length: 120 }, (_, at) => at);
    expect(ja4(makeHello({ ciphers: many })).slice(4, 6)).toBe('99');
  });
});

test.each(recordedHellos)('fingerprints of $client', ({ message, ...known }) => {
  const bytes = Buffer.from(message, 'base64');
  expect({ ja3: Buffer.from(ja3(bytes)).toString('hex'), ja4: ja4(bytes) }).toEqual({
    ja3: known.ja3,
    ja4: known.ja4,
  });
});
