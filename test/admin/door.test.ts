import { describe, expect, test } from 'vitest';
import { Door, type Knock } from '../../src/admin/door.ts';
import { TerrafirmaError } from '../../src/errors.ts';

const token = 't'.repeat(43);
const authorities = ['127.0.0.1:9101', 'localhost:9101'];

function knockAt(door: Door, knock: Partial<Knock> = {}): string {
  try {
    return door.admit({
      method: 'GET',
      address: '127.0.0.1',
      needsToken: true,
      takesBytes: false,
      ...knock,
      headers: { host: '127.0.0.1:9101', ...knock.headers },
    });
  } catch (error) {
    if (error instanceof TerrafirmaError) return error.code;
    throw error;
  }
}

function tcpDoor(nowMs = () => 0): Door {
  return new Door({ token, authorities, nowMs });
}

const shown = { authorization: `Bearer ${token}` };

describe('Door by TCP', () => {
  test('lets in who shows the token, whatever the case of the scheme', () => {
    expect(knockAt(tcpDoor(), { headers: shown })).toBe('token');
    expect(knockAt(tcpDoor(), { headers: { authorization: `bearer ${token}` } })).toBe('token');
  });

  test.each([
    ['nothing', undefined],
    ['another token', `Bearer ${'x'.repeat(43)}`],
    ['its beginning', `Bearer ${token.slice(0, -1)}`],
    ['more than it', `Bearer ${token}t`],
    ['another scheme', `Basic ${token}`],
    ['two words', `Bearer ${token} ${token}`],
  ])('refuses %s', (_, authorization) => {
    expect(knockAt(tcpDoor(), { headers: { authorization } })).toBe('admin-token');
  });

  test('answers 10,000 wrong tokens with 429 from the eleventh on, and the right one still', () => {
    const door = tcpDoor();
    const codes = Array.from({ length: 10_000 }, (_, at) =>
      // Every program on the machine can come from any address of 127.0.0.0/8.
      knockAt(door, {
        address: `127.0.${at % 256}.1`,
        headers: { authorization: `Bearer wrong${at}` },
      }),
    );
    expect(codes.slice(0, 10)).toEqual(Array(10).fill('admin-token'));
    expect(new Set(codes.slice(10))).toEqual(new Set(['admin-tries']));
    expect(knockAt(door, { headers: shown })).toBe('token');
  });

  test('forgets wrong tokens after a minute', () => {
    let nowMs = 0;
    const door = tcpDoor(() => nowMs);
    for (let at = 0; at < 11; at += 1) knockAt(door);
    expect(knockAt(door)).toBe('admin-tries');
    nowMs = 60_000;
    expect(knockAt(door)).toBe('admin-token');
  });

  test.each(['evil.example:9101', '127.0.0.1', 'localhost', '127.0.0.1:80', ''])(
    'refuses the host %j: a name of a stranger may lead here (DNS rebinding)',
    (host) => {
      expect(knockAt(tcpDoor(), { headers: { ...shown, host } })).toBe('misdirected');
    },
  );

  test('needs no token where the route is open, and the right host all the same', () => {
    expect(knockAt(tcpDoor(), { needsToken: false })).toBe('anybody');
    const headers = { host: 'evil.example' };
    expect(knockAt(tcpDoor(), { needsToken: false, headers })).toBe('misdirected');
  });
});

describe('Door of either kind', () => {
  const doors = [
    ['TCP', tcpDoor()],
    ['socket', new Door({ token: undefined, authorities: undefined, nowMs: () => 0 })],
  ] as const;

  test.each(doors)('lets no page of another site in: %s', (_, door) => {
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:9102']) {
      expect(knockAt(door, { headers: { ...shown, origin } })).toBe('admin-origin');
    }
    const origin = 'http://127.0.0.1:9101';
    expect(knockAt(door, { headers: { ...shown, origin } })).not.toBe('admin-origin');
  });

  test.each(doors)('takes changes as JSON alone: %s', (_, door) => {
    const types = ['text/plain', 'application/x-www-form-urlencoded', undefined];
    for (const type of types) {
      const headers = { ...shown, 'content-type': type };
      expect(knockAt(door, { method: 'POST', headers })).toBe('admin-type');
    }
    const headers = { ...shown, 'content-type': 'application/json; charset=utf-8' };
    expect(knockAt(door, { method: 'POST', headers })).not.toBe('admin-type');
  });
});

test('a socket may be asked under any name', () => {
  const door = new Door({ token: undefined, authorities: undefined, nowMs: () => 0 });
  expect(knockAt(door, { headers: { host: 'whatever' } })).toBe('socket');
});
