import { describe, expect, test } from 'vitest';
import type { AbiHost } from '../support/abi-host.ts';
import { createPuppet, type PuppetOptions, put, putList } from '../support/abi-puppet.ts';
import { Gate, outboundReply } from '../support/abi-world.ts';

const URL_TEXT = 'http://a.test/';

async function create(puppet: AbiHost, method = 'GET', url = URL_TEXT): Promise<number> {
  const methodPart = put(puppet, 0x100, method);
  return (await puppet.call('req_create', ...methodPart, ...put(puppet, 0x200, url))) as number;
}

async function createSender(options: PuppetOptions = {}): Promise<AbiHost> {
  const puppet = await createPuppet(options);
  puppet.world.fetch.answer(URL_TEXT, async () => outboundReply('fetched'));
  return puppet;
}

describe('req_create', () => {
  test('numbers requests from 1', async () => {
    const puppet = await createPuppet();
    expect(await create(puppet)).toBe(1);
    expect(await create(puppet, 'POST', 'https://b.test:8443/p?q')).toBe(2);
  });

  test.each([
    ['', URL_TEXT],
    ['G ET', URL_TEXT],
    ['GET\r\n', URL_TEXT],
    ['CONNECT', URL_TEXT],
    ['connect', URL_TEXT],
    ['G'.repeat(33), URL_TEXT],
    ['GET', ''],
    ['GET', '/relative'],
    ['GET', 'ftp://a.test/'],
    ['GET', 'file:///etc/passwd'],
    ['GET', 'data:text/plain,x'],
    ['GET', 'http://'],
    ['GET', 'http://a b/'],
    ['GET', 'http://\u00ff.test/'],
  ])('answers -1 for method %j and URL %j', async (method, url) => {
    const puppet = await createPuppet();
    expect(await create(puppet, method, url)).toBe(-1);
    expect(puppet.world.logLines).toHaveLength(1);
  });

  test('takes a URL at the limit and not one byte more', async () => {
    const puppet = await createPuppet({ limits: { targetBytesMax: URL_TEXT.length } });
    expect(await create(puppet)).toBe(1);
    expect(await create(puppet, 'GET', `${URL_TEXT}x`)).toBe(-1);
  });

  test('holds as many requests as the limit, and again when some were sent', async () => {
    const puppet = await createSender({ limits: { handlesPerRunMax: 2 } });
    expect(await create(puppet)).toBe(1);
    expect(await create(puppet)).toBe(2);
    expect(await create(puppet)).toBe(-1);
    await puppet.call('req_send', 1);
    expect(await create(puppet)).toBe(3);
  });
});

describe('req_send', () => {
  test('sends method, URL, headers and body, and answers a response', async () => {
    const puppet = await createSender();
    puppet.world.fetch.answer('http://a.test/p?q=1', async () => outboundReply('x'));
    const request = await create(puppet, 'POST', 'http://a.test/p?q=1#mine');
    for (const [name, values] of [
      ['X-A', ['1', '2']],
      ['host', ['b.test']],
      ['content-length', ['7']],
      ['x-gone', ['1']],
      ['x-gone', []],
    ] as const) {
      const args = [...put(puppet, 0x100, name), ...putList(puppet, 0x200, values)];
      expect(await puppet.call('req_set_header', request, ...args)).toBe(0);
    }
    expect(await puppet.call('req_set_body', request, ...put(puppet, 0x300, 'first'))).toBe(0);
    expect(await puppet.call('req_set_body', request, ...put(puppet, 0x300, 'body'))).toBe(0);
    expect(await puppet.call('req_send', request)).toBe(1);
    expect(puppet.world.fetch.sent).toEqual([
      {
        method: 'POST',
        url: 'http://a.test/p?q=1',
        headers: [
          ['x-a', '1'],
          ['x-a', '2'],
          ['host', 'b.test'],
        ],
        body: new Uint8Array(Buffer.from('body')),
      },
    ]);
  });

  test('takes an empty body at a dangling address for no body', async () => {
    const puppet = await createSender();
    const request = await create(puppet);
    expect(await puppet.call('req_set_body', request, 1, 0)).toBe(0);
    await puppet.call('req_send', request);
    expect(puppet.world.fetch.sent[0]?.body).toHaveLength(0);
  });

  test.each([200, 301, 404, 503])('takes status %i for a success', async (status) => {
    const puppet = await createPuppet();
    puppet.world.fetch.answer(URL_TEXT, async () => outboundReply('', { status }));
    const response = await puppet.call('req_send', await create(puppet));
    expect(await puppet.call('resp_get_response_code', response as number)).toBe(status);
  });

  test('answers -1 and a line in the log when sending fails', async () => {
    const puppet = await createPuppet();
    expect(await puppet.call('req_send', await create(puppet))).toBe(-1);
    expect(puppet.world.logLines).toEqual([`warn Cannot reach ${URL_TEXT}`]);
  });

  test('consumes the request', async () => {
    const puppet = await createSender();
    const request = await create(puppet);
    expect(await puppet.call('req_send', request)).toBe(1);
    expect(await puppet.call('req_send', request)).toBe(-1);
    expect(await puppet.call('req_set_body', request, 0, 0)).toBe(1);
    expect(puppet.world.fetch.sent).toHaveLength(1);
  });

  test('keeps as many responses as the limit', async () => {
    const puppet = await createSender({ limits: { handlesPerRunMax: 2 } });
    expect(await puppet.call('req_send', await create(puppet))).toBe(1);
    expect(await puppet.call('req_send', await create(puppet))).toBe(2);
    expect(await puppet.call('req_send', await create(puppet))).toBe(-1);
  });
});

describe.each([0, -1, 1, 7])('request %i', (handle) => {
  test('that nobody created cannot be changed or sent', async () => {
    const puppet = await createSender();
    expect(await puppet.call('req_set_header', handle, 0, 1, 0, 0)).toBe(1);
    expect(await puppet.call('req_set_body', handle, 0, 4)).toBe(1);
    expect(await puppet.call('req_send', handle)).toBe(-1);
    expect(await puppet.call('req_send_async', handle)).toBe(-1);
    expect(puppet.world.logLines).toHaveLength(4);
    expect(puppet.world.fetch.sent).toEqual([]);
  });
});

describe('bodies', () => {
  test('are taken at the limit, and refused one byte above', async () => {
    const puppet = await createPuppet({ limits: { outboundRequestBytesMax: 4 } });
    const request = await create(puppet);
    expect(await puppet.call('req_set_body', request, 0, 4)).toBe(0);
    expect(await puppet.call('req_set_body', request, 0, 5)).toBe(1);
  });

  test('of one run are together at most what its memory may be', async () => {
    const puppet = await createSender({ limits: { memoryBytesMax: 10 } });
    const [first, second] = [await create(puppet), await create(puppet)];
    expect(await puppet.call('req_set_body', first, 0, 6)).toBe(0);
    expect(await puppet.call('req_set_body', second, 0, 5)).toBe(1);
    expect(await puppet.call('req_set_body', first, 0, 5)).toBe(0);
    expect(await puppet.call('req_set_body', second, 0, 5)).toBe(0);
  });

  test('that were sent are no longer counted, those received are', async () => {
    const puppet = await createSender({ limits: { memoryBytesMax: 10 } });
    const [first, second] = [await create(puppet), await create(puppet)];
    await puppet.call('req_set_body', first, 0, 3);
    expect(await puppet.call('req_send', first)).toBe(1);
    // "fetched" is 7 bytes.
    expect(await puppet.call('req_set_body', second, 0, 4)).toBe(1);
    expect(await puppet.call('req_set_body', second, 0, 3)).toBe(0);
    expect(await puppet.call('req_send', second)).toBe(-1);
    expect(puppet.world.logLines.at(-1)).toMatch(/hold at most 10 bytes/);
  });
});

describe.each(['req_set_header'])('%s', (name) => {
  test('takes as many lines and bytes as the limits, and refuses one more', async () => {
    const limits = { headersMax: 2, headerBytesMax: 6 };
    const puppet = await createPuppet({ limits });
    const request = await create(puppet);
    const set = async (values: readonly string[]) => {
      const args = [...put(puppet, 0x100, 'n'), ...putList(puppet, 0x200, values)];
      return puppet.call(name, request, ...args);
    };
    expect(await set(['12', '34'])).toBe(0);
    expect(await set(['12', '345'])).toBe(1);
    expect(await set(['1', '2', '3'])).toBe(1);
  });
});

test('the end of the run gives up what is under way, and nothing of it is written', async () => {
  const puppet = await createPuppet();
  const gate = new Gate();
  puppet.world.fetch.answer(URL_TEXT, gate.wait);
  const request = await create(puppet);
  const sent = puppet.call('req_send', request).catch((error: Error) => error.message);
  puppet.binding.release();
  expect(puppet.world.fetch.signals[0]?.aborted).toBe(true);
  puppet.begin();
  const before = Buffer.from(puppet.bytes);
  gate.open(outboundReply('late'));
  expect(await sent).toMatch(/its run has ended/);
  expect(await puppet.call('resp_get_response_code', 1)).toBe(0);
  expect(puppet.bytes.equals(before)).toBe(true);
  expect(puppet.world.logLines).toEqual([
    'warn Cannot find a fetched response: no such handle: received 1',
  ]);
});
