/** Which requests of CGI programs may begin behind a start that is done once. */
import { describe, expect, test } from 'vitest';
import { isOfRequests, listEnvironment } from '../../../../src/abi/objects/cgi/environment.ts';
import { createCgiRules } from '../../../../src/abi/wasip1/cgi/early.ts';
import type { Header } from '../../../../src/http/message.ts';
import { TestExchange } from '../../../engine/world.ts';
import { World } from '../../../support/abi-world.ts';

const { kindOf } = createCgiRules();

interface Asked {
  readonly headers?: readonly Header[];
  readonly target?: string;
  readonly method?: string;
  readonly body?: string;
  readonly settings?: Partial<World['settings']>;
}

function kind({ headers = [], target = '/go', body = '', settings = {}, ...head }: Asked = {}) {
  const world = new World();
  world.settings = { ...world.settings, ...settings };
  const query = target.split('?')[1] ?? '';
  const exchange = new TestExchange({ target, query, headers, ...head }, Buffer.from(body));
  return kindOf({ capabilities: world, exchange });
}

const headersOf = (count: number, bytes = 1): readonly Header[] =>
  Array.from({ length: count }, (_, each): Header => [`x-${each}`, 'v'.repeat(bytes)]);

test('all variables of a request are known as such', () => {
  const { request } = new TestExchange(
    {
      scheme: 'https',
      headers: [...headersOf(2), ['cookie', 'a'], ['content-type', 'text/plain']],
    },
    Buffer.alloc(0),
  );
  for (const isWebSocket of [false, true]) {
    const listed = listEnvironment({ request, bodyBytes: 7, isWebSocket, environment: new Map() });
    const names = listed.map((each) => each.slice(0, each.indexOf('=')));
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !isOfRequests(name))).toEqual([]);
  }
  for (const name of ['PATH', 'PWD', 'GODEBUG', 'TZ', 'HOME'])
    expect(isOfRequests(name)).toBe(false);
});

describe('a request begins behind the start', () => {
  test("of what the owner has set, but for what stands in for a request's own", () => {
    const kindWith = (...entries: (readonly [string, string])[]) =>
      kind({ settings: { environment: new Map(entries) } });
    expect(kind()).toBe('');
    expect(kindWith(['HTTP_X', 'a'])).toBe('');
    expect(kindWith(['OWN', 'a'])).not.toBe('');
    expect(kindWith(['OWN', 'a'])).not.toBe(kindWith(['OWN', 'b']));
    expect(kindWith(['OWN', 'a'], ['HTTP_X', 'a'])).toBe(kindWith(['OWN', 'a']));
  });

  test.each<readonly [string, Asked, Asked]>([
    ['headers', { headers: headersOf(40) }, { headers: headersOf(41) }],
    ['bytes', { headers: headersOf(1, 15_000) }, { headers: headersOf(1, 15_400) }],
    ['a method', { method: 'M'.repeat(15_000) }, { method: 'M'.repeat(15_400) }],
    ['arguments', { target: `/go?${'&'.repeat(14)}` }, { target: `/go?${'&'.repeat(15)}` }],
    [
      'arguments of the owner',
      { settings: { arguments: Array<string>(14).fill('a') } },
      { settings: { arguments: Array<string>(15).fill('a') } },
    ],
    [
      'a body of known length',
      { body: 'four', headers: [['content-length', '4']] },
      { body: 'four' },
    ],
    ['a protocol', {}, { settings: { protocol: 'wws' } }],
  ])('with %s, up to a limit', (_, within, beyond) => {
    expect(kind(within)).toBe('');
    expect(kind(beyond)).toBeUndefined();
  });

  test('but not a conversation', () => {
    const exchange = new TestExchange({}, Buffer.alloc(0));
    expect(kindOf({ capabilities: new World(), exchange, conversation: {} })).toBeUndefined();
  });
});
