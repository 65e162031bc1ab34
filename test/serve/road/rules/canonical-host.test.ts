import { expect, test } from 'vitest';
import { parseHostName } from '../../../../src/names.ts';
import { canonicalLocation } from '../../../../src/serve/road/rules/canonical-host.ts';

const www = parseHostName('www.example');

test.each([
  ['example', 'example', 'https://www.example/a?b'],
  ['example', 'EXAMPLE.:8443', 'https://www.example:8443/a?b'],
  ['www.example', 'www.example', undefined],
  [undefined, '127.0.0.1', undefined],
])('%s as %s is sent to %j', (name, authority, location) => {
  const hostName = name === undefined ? undefined : parseHostName(name);
  const request = { authority, scheme: 'https', target: '/a?b' } as const;
  expect(canonicalLocation(www, hostName, request)).toBe(location);
  expect(canonicalLocation(undefined, hostName, request)).toBeUndefined();
});
