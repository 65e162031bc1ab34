import { Packet } from 'dns2';
import { describe, expect, test } from 'vitest';
import {
  checkGuestQuery,
  encodeQuery,
  isReplyTo,
  MalformedMessageError,
  readAnswer,
} from '../../../src/outside/dns/wire.ts';

const question = { name: 'a.example', type: 'TXT' } as const;
const questionHex = '01610765' + '78616d706c65' + '00' + '0010' + '0001';
/** 12 bytes of header and 15 of question; answers begin at 27 (0x1b), the name is at 12 (0x0c). */
function message(parts: { flags?: string; counts?: string; rest?: string }): Uint8Array {
  const { flags = '8180', counts = '0001000100000000', rest = '' } = parts;
  return Buffer.from(`1234${flags}${counts}${questionHex}${rest}`, 'hex');
}

/** One record named by `name` (hex) with its data (hex). */
function recordHex(name: string, type: string, data: string, ttl = '0000003c'): string {
  const length = (data.length / 2).toString(16).padStart(4, '0');
  return `${name}${type}0001${ttl}${length}${data}`;
}

function texts(reply: Uint8Array): readonly string[] {
  const answer = readAnswer(reply, question);
  return answer.kind === 'found' ? answer.records.map((one) => Buffer.from(one).toString()) : [];
}

describe('an answer', () => {
  test('gives the strings of each TXT record as one', () => {
    const rest = recordHex('c00c', '0010', '026162000163');
    expect(readAnswer(message({ rest }), question)).toEqual({
      kind: 'found',
      records: [Buffer.from('abc')],
      ttlS: 60,
    });
  });

  test('may hold a character whose bytes stand in two strings', () => {
    // "é" is c3 a9.
    expect(texts(message({ rest: recordHex('c00c', '0010', '01c301a9') }))).toEqual(['\u00e9']);
  });

  test('with a string that is longer than its record is malformed', () => {
    const rest = recordHex('c00c', '0010', '0561');
    expect(() => readAnswer(message({ rest }), question)).toThrow(MalformedMessageError);
  });

  test('has names in any case', () => {
    expect(
      texts(
        message({ rest: recordHex(questionHex.slice(0, 22).replace('61', '41'), '0010', '0161') }),
      ),
    ).toEqual(['a']);
  });

  test('counts a time to live with the highest bit as zero', () => {
    const rest = recordHex('c00c', '0010', '0161', '80000000');
    expect(readAnswer(message({ rest }), question)).toMatchObject({ ttlS: 0 });
  });

  test('is no record of another class or type', () => {
    const chaos = recordHex('c00c', '0010', '0161').replace('00100001', '00100003');
    expect(texts(message({ rest: chaos }))).toEqual([]);
    expect(texts(message({ rest: recordHex('c00c', '0063', '0161') }))).toEqual([]);
  });

  test('is the failure of its server for any code but 0 and 3', () => {
    expect(readAnswer(message({ flags: '8182' }), question)).toEqual({ kind: 'failed', rcode: 2 });
    expect(
      readAnswer(message({ flags: '8183', counts: '0001000000000000' }), question),
    ).toMatchObject({ kind: 'empty', isNoName: true });
  });
});

describe('a malformed answer', () => {
  /** Pointers in the data of a first record at 0x27, each to the one before. */
  function chainOfPointers(length: number): Uint8Array {
    const pointers = Array.from({ length }, (_, index) =>
      (index === 0 ? 0xc00c : 0xc027 + index * 2 - 2).toString(16),
    );
    const last = (0xc027 + length * 2 - 2).toString(16);
    const rest = recordHex('c00c', '0063', pointers.join('')) + recordHex(last, '0010', '0161');
    return message({ counts: '0001000200000000', rest });
  }

  test('is not one whose name goes over a few pointers, each backwards', () => {
    expect(texts(chainOfPointers(15))).toEqual(['a']);
    expect(() => readAnswer(chainOfPointers(16), question)).toThrow('pointers lead nowhere');
  });

  test.each<[string, Uint8Array]>([
    ['without its record', message({})],
    ['cut in a name', message({ rest: '0361' })],
    ['cut in a record', message({ rest: 'c00c0010' })],
    ['whose data is longer than the message', message({ rest: 'c00c006300010000003c00030161' })],
    ['whose pointer leads to itself', message({ rest: recordHex('c01b', '0010', '0161') })],
    ['whose pointer leads forwards', message({ rest: recordHex('c0ff', '0010', '0161') })],
    ['whose pointer leads forwards to a name', message({ rest: recordHex('c027', '0010', '00') })],
    [
      'whose label has 64 bytes',
      message({ rest: recordHex(`40${'61'.repeat(64)}00`, '0010', '0161') }),
    ],
    [
      'whose name is over 255 bytes',
      message({ rest: recordHex(`${`3f${'61'.repeat(63)}`.repeat(4)}00`, '0010', '0161') }),
    ],
    [
      'whose string is longer than its record',
      message({ rest: recordHex('c00c', '0010', '0561') }),
    ],
    [
      'with more than 512 records',
      message({ counts: '0001020100000000', rest: recordHex('c00c', '0010', '00').repeat(513) }),
    ],
    [
      'whose CNAME is not as long as it says',
      message({ rest: recordHex('c00c', '0005', 'c00c00') }),
    ],
    ['whose CNAME leads to itself', message({ rest: recordHex('c00c', '0005', 'c00c') })],
  ])('%s is named, never believed', (_what, reply) => {
    expect(() => readAnswer(reply, question)).toThrow(MalformedMessageError);
  });

  test('of an address with the wrong number of bytes is named', () => {
    const asked = { name: 'a.example', type: 'A' } as const;
    const reply = message({ rest: recordHex('c00c', '0001', '0102030405') });
    expect(() => readAnswer(reply, asked)).toThrow('an A record of 5 bytes');
  });

  test('with 512 records is still read', () => {
    const rest = recordHex('c00c', '0010', '00').repeat(512);
    expect(texts(message({ counts: '0001020000000000', rest })).length).toBe(512);
  });

  test('never throws anything else, whatever byte is changed or cut', () => {
    const rest = [
      recordHex('c00c', '0005', '0162c00e'),
      recordHex('0162c00e', '0010', '03616263'),
      recordHex('c00e', '0006', `c00cc00c${'00000001'.repeat(5)}`),
    ].join('');
    const whole = message({ counts: '0001000200010000', rest });
    expect(texts(whole)).toEqual(['abc']);
    let refused = 0;
    for (let offset = 0; offset < whole.length; offset += 1) {
      for (const value of [0x00, 0x01, 0x3f, 0x40, 0x80, 0xc0, 0xff]) {
        refused += outcomeOf(Uint8Array.from(whole, (byte, at) => (at === offset ? value : byte)));
      }
      refused += outcomeOf(whole.subarray(0, offset));
    }
    expect(refused).toBeGreaterThan(whole.length);
  });

  /** 1 when refused as malformed, 0 when read; anything else fails the test. */
  function outcomeOf(reply: Uint8Array): number {
    try {
      readAnswer(reply, question);
      return 0;
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedMessageError);
      return 1;
    }
  }
});

describe('a reply', () => {
  const query = encodeQuery(question);
  const replyHex = Buffer.from(query).toString('hex').replace('00000100', '00008180');

  test('belongs to its query by id, direction and question', () => {
    expect(isReplyTo(query, Buffer.from(replyHex, 'hex'))).toBe(true);
    expect(isReplyTo(query, Buffer.from(replyHex.replace('0161', '0141'), 'hex'))).toBe(true);
  });

  test.each<[string, (hex: string) => string]>([
    ['another id', (hex) => hex.replace(/^0000/, '0001')],
    ['a query', (hex) => hex.replace('8180', '0180')],
    ['another opcode', (hex) => hex.replace('8180', '9180')],
    ['another name', (hex) => hex.replace('0161', '0162')],
    ['another type', (hex) => hex.replace('00100001', '00010001')],
    ['no question', (hex) => `${hex.slice(0, 8)}0000${hex.slice(12)}`],
    ['two questions', (hex) => `${hex.slice(0, 8)}0002${hex.slice(12)}`],
    ['a cut question', (hex) => hex.slice(0, -2)],
    ['a cut header', (hex) => hex.slice(0, 20)],
  ])('with %s does not', (_what, change) => {
    expect(isReplyTo(query, Buffer.from(change(replyHex), 'hex'))).toBe(false);
  });

  test('that refuses may leave the question out', () => {
    expect(isReplyTo(query, Buffer.from('000081810000000000000000', 'hex'))).toBe(true);
  });
});

describe('a guest’s query', () => {
  const plain = Buffer.from(encodeQuery(question));
  const hex = plain.toString('hex');
  const withOption = `${hex.slice(0, 20)}0001${hex.slice(24)}0000290400000000000000`;

  test('may be one question, with or without OPT', () => {
    expect(() => checkGuestQuery(plain)).not.toThrow();
    expect(() => checkGuestQuery(Buffer.from(withOption, 'hex'))).not.toThrow();
  });

  test('may have up to 512 bytes', () => {
    const padded = (bytes: number): Buffer => {
      const option = bytes - withOption.length / 2;
      const length = option.toString(16).padStart(4, '0');
      return Buffer.from(`${withOption.slice(0, -4)}${length}${'00'.repeat(option)}`, 'hex');
    };
    expect(() => checkGuestQuery(padded(512))).not.toThrow();
    expect(() => checkGuestQuery(padded(513))).toThrow('12 to 512 bytes');
  });

  test.each<[string, string]>([
    ['an empty message', ''],
    ['a cut header', hex.slice(0, 22)],
    ['a cut question', hex.slice(0, -2)],
    ['bytes behind', `${hex}00`],
    ['a response', hex.replace('0100', '8100')],
    ['a NOTIFY', hex.replace('0100', '2100')],
    ['two questions', hex.replace('00010000', '00020000')],
    ['an answer', `${hex.slice(0, 12)}0001${hex.slice(16)}`],
    ['two additionals', `${hex.slice(0, 20)}0002${hex.slice(24)}`],
    ['an additional that is no OPT', withOption.replace('000029', '000001')],
    ['a pointer', `${hex.slice(0, 24)}c00c00100001`],
    ['AXFR', hex.replace('00100001', '00fc0001')],
    ['IXFR', hex.replace('00100001', '00fb0001')],
    ['ANY', hex.replace('00100001', '00ff0001')],
    ['class CHAOS', hex.replace('00100001', '00100003')],
  ])('with %s is refused', (_what, query) => {
    expect(() => checkGuestQuery(Buffer.from(query, 'hex'))).toThrow(MalformedMessageError);
  });
});

test('a query asks one question with recursion', () => {
  const parsed = Packet.parse(Buffer.from(encodeQuery(question)));
  expect(parsed.header).toMatchObject({ rd: 1, qr: 0, qdcount: 1, arcount: 0 });
  expect(parsed.questions).toMatchObject([{ name: 'a.example', type: 16, class: 1 }]);
});
