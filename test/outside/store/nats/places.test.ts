import { expect, test } from 'vitest';
import { keyOfToken, Places, subjectOf } from '../../../../src/outside/store/nats/places.ts';

const places = new Places('main', 4);

test('what is ours lies in the control stream, what guests store in a shard', () => {
  const ours = places.of({ area: 'tls', name: 'tls' });
  expect(ours).toMatchObject({ stream: 'TF_main_CTL', streamIndex: 0, usageSubject: undefined });
  expect(ours.prefix).toMatch(/^tf\.main\.c\.tls\.[0-9a-f]{32}\.$/);
  expect(ours.noticePrefix).toBe(ours.prefix.replace('tf.main.', 'tf.main.i.'));
  const guests = places.of({ area: 'kv', name: '/keybase/public/alice\nkv.wasm' });
  expect(guests.stream).toMatch(/^TF_main_KV_0[0-3]$/);
  expect(guests.prefix).toContain(`.k.${guests.stream.slice(-2)}.`);
  expect(guests.usageSubject).toBe(`${guests.prefix}$`);
});

test('spaces of the same name in two areas are two', () => {
  const names = ['tls', 'deploy', 'site'] as const;
  const prefixes = names.map((area) => places.of({ area, name: 'x' }).prefix.split('.')[4]);
  expect(new Set(prefixes).size).toBe(3);
});

test('keys of all bytes become tokens that hold no dot, and are found again', () => {
  const place = places.of({ area: 'site', name: 'x' });
  for (const key of [[], [0], [0x2e, 0x2a, 0x3e], [0xff, 0xfe]].map((each) =>
    Uint8Array.from(each),
  )) {
    const token = subjectOf(place, key).slice(place.prefix.length);
    expect(token).toMatch(/^k[A-Za-z0-9_-]*$/);
    expect(keyOfToken(token, undefined)).toEqual(key);
  }
});

test('a key beyond 1,024 bytes is named by its hash, and said in the message', () => {
  const place = places.of({ area: 'site', name: 'x' });
  const tokenOf = (length: number): string =>
    subjectOf(place, new Uint8Array(length)).slice(place.prefix.length);
  expect(tokenOf(1_024)).toMatch(/^k/);
  expect(tokenOf(1_025)).toMatch(/^h[0-9a-f]{64}$/);
  expect(keyOfToken(tokenOf(1_025), Uint8Array.of(7))).toEqual(Uint8Array.of(7));
  expect(keyOfToken('$', undefined)).toBeUndefined();
});
