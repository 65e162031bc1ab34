import { describe, expect, test } from 'vitest';
import { formatAccess } from '../../src/journal/access-lines.ts';
import { isJournal, withPriority } from '../../src/journal/syslog-priority.ts';

const fields = {
  ...{ level: 'info', time: '2026-01-02T03:04:05.678Z', id: 'a-1', method: 'GET' },
  ...{ hostName: 'example.com', path: '/a b"\\', clientAddress: '192.0.2.7', status: 200 },
  ...{ bytesReceived: 3, bytesSent: 12, outcome: 'replied', wallUs: 1_500, msg: 'request' },
};
const line = (more: object = {}): string => {
  const { msg, ...others } = { ...fields, ...more };
  return JSON.stringify({ ...others, msg });
};

describe('a request for other programs', () => {
  test('as Apache’s combined log: quotes in it are escaped', () => {
    expect(formatAccess(line(), 'combined')).toBe(
      '192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET /a b\\"\\\\ HTTP/1.1" 200 12 "-" "-"\n',
    );
  });

  test('as the extended log of the W3C: a space in it parts no words', () => {
    expect(formatAccess(line({ path: '/a b\n' }), 'w3c')).toBe(
      '2026-01-02 03:04:05 192.0.2.7 GET example.com /a%20b%0A 200 12 3 0.002 a-1 HTTP/1.1 - -\n',
    );
  });

  test('with what the browser says of itself, where that is known', () => {
    const words = {
      httpVersion: '2',
      referer: 'https://a.example/"x',
      userAgent: 'Mozilla/5.0 (X)',
    };
    const text = line(words);
    expect(formatAccess(text, 'combined')).toContain(
      'HTTP/2.0" 200 12 "https://a.example/\\"x" "Mozilla/5.0 (X)"\n',
    );
    expect(formatAccess(text, 'w3c')).toContain(
      ' HTTP/2.0 Mozilla/5.0%20(X) https://a.example/"x\n',
    );
  });

  test('nobody writes a second line', () => {
    for (const format of ['combined', 'w3c'] as const) {
      const text = formatAccess(
        line({ method: 'G\n', path: '/\r\n\u0085x', hostName: '' }),
        format,
      );
      expect(text?.match(/[\r\n\u0085]/g)).toEqual(['\n']);
    }
  });

  test('other lines are of no request', () => {
    expect(formatAccess('{"level":"info","msg":"stopped"}', 'w3c')).toBeUndefined();
    expect(formatAccess(`{"msg":"says \\"msg\\":\\"request\\"}"}`, 'w3c')).toBeUndefined();
  });
});

test.each([
  ['trace', 7],
  ['info', 6],
  ['warn', 4],
  ['error', 3],
  ['fatal', 2],
])('%s has the priority %i', (level, priority) => {
  expect(withPriority(`{"level":"${level}","msg":"x"}`)).toBe(
    `<${priority}>{"level":"${level}","msg":"x"}`,
  );
});

test('only the very stream that systemd named is the journal', () => {
  expect(isJournal('8:42', { dev: 8, ino: 42 })).toBe(true);
  expect(isJournal('8:43', { dev: 8, ino: 42 })).toBe(false);
  expect(isJournal(undefined, { dev: 8, ino: 42 })).toBe(false);
});
