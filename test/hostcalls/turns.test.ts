/** Every Terrarium hostcall with its dearest arguments: none does much between two looks. */
import { beforeEach, describe, expect, test } from 'vitest';
import { pieceBytes } from '../../src/abi/steps.ts';
import { addedByCompilers, terrariumHostcalls } from '../../src/abi/terrarium/table.ts';
import { createTerrariumAbi } from '../../src/abi/terrarium.ts';
import { defaultLimits } from '../../src/config/config.ts';
import { outboundReply, RecordingExchange, World } from '../support/abi-world.ts';
import { LookedAtHost } from '../support/looked-at.ts';

const MIB = 1024 * 1024;
const URL = 'http://large.test/';
const OUT = 0x40;
const LEN = 0x44;
const NAME = 0x100;
const SLICES = 0x1000;
const DATA = MIB;
/** What a short hostcall may do: the engine looks after as much, or after eight of them. */
const shortMax = 65_536;
const headers = Array.from({ length: 128 }, (_, index) => [`x-${index}`, 'v'.repeat(200)] as const);
const values = Array.from({ length: 128 }, () => ['x-many', 'v'.repeat(200)] as const);

type Args = readonly (number | bigint)[];

/** Handle 1 is a created request, a pending one and a fetched reply. */
const dearest: Readonly<Record<string, Args>> = {
  hostcall_init_mm: [0, 0],
  hostcall_panic_hook: [DATA, 65_536],
  hostcall_debug: [DATA, -1],
  hostcall_req_get_method: [OUT, LEN, 0],
  hostcall_req_get_path: [OUT, LEN, 0],
  hostcall_req_get_body: [OUT, LEN, 0],
  hostcall_req_get_headers: [OUT, LEN, 0],
  hostcall_req_get_header: [OUT, LEN, 0, NAME, 6],
  hostcall_req_create: [NAME + 16, 3, DATA, 8_192],
  hostcall_req_set_header: [1, NAME, 6, SLICES, 128],
  hostcall_req_set_body: [1, DATA, 10 * MIB],
  hostcall_req_send: [1],
  hostcall_req_send_async: [1],
  hostcall_pending_req_wait: [1],
  hostcall_pending_req_poll: [1],
  hostcall_pending_req_select: [NAME + 32, 1, OUT],
  hostcall_resp_get_response_code: [1],
  hostcall_resp_get_headers: [OUT, LEN, 1],
  hostcall_resp_get_header: [OUT, LEN, 1, NAME, 6],
  hostcall_resp_get_body: [OUT, LEN, 1],
  hostcall_resp_set_response_code: [0, 599],
  hostcall_resp_set_header: [0, NAME, 6, SLICES, 256],
  hostcall_resp_set_body: [0, DATA, 32 * MIB],
  hostcall_kvstore_insert: [DATA, 4_096, DATA, 4 * MIB],
  hostcall_kvstore_upsert: [DATA, 4_096, DATA, 4 * MIB],
  hostcall_kvstore_append: [DATA, 4_096, DATA, 4 * MIB],
  hostcall_kvstore_get: [OUT, LEN, DATA, 4_096],
  hostcall_kvstore_remove: [DATA, 4_096],
  hostcall_rng_next_u64: [],
  hostcall_time_now: [OUT],
  hostcall_dns_query_raw: [OUT, LEN, DATA, 65_535],
  hostcall_dns_query_ip: [OUT, LEN, NAME + 64, 10, 1],
  emscripten_notify_memory_growth: [0],
  abort: [0, 0, 0, 0],
};

describe('what a hostcall does between two looks at the clock', () => {
  let host: LookedAtHost;

  beforeEach(async () => {
    host = new LookedAtHost(createTerrariumAbi(defaultLimits), 'env');
    const { bytes } = host;
    bytes.fill('a', DATA, DATA + 33 * MIB);
    bytes.write('x-many', NAME);
    bytes.write('GET', NAME + 16);
    bytes.write(`${URL}${'a'.repeat(8_192)}`.slice(0, 8_192), DATA);
    bytes.writeUInt32LE(1, NAME + 32);
    bytes.write('names.test', NAME + 64);
    for (let slice = 0; slice < 256; slice += 1) {
      bytes.writeUInt32LE(DATA, SLICES + slice * 8);
      bytes.writeUInt32LE(200, SLICES + slice * 8 + 4);
    }
    const world = new World();
    const reply = outboundReply('', {
      headers: [...values, ...headers],
      body: bytes.subarray(DATA, DATA + 32 * MIB),
    });
    world.fetch.answer(bytes.toString('latin1', DATA, DATA + 8_192), async () => reply);
    world.keyValue.entries.set('a'.repeat(4_096), bytes.subarray(DATA, DATA + 4 * MIB));
    world.keyValue.entries.set(
      bytes.toString('latin1', DATA, DATA + 4_096),
      bytes.subarray(DATA, DATA + 4 * MIB),
    );
    world.resolve.names.set(
      '6 names.test',
      Array.from({ length: 256 }, () => new Uint8Array(16)),
    );
    world.resolve.message = new Uint8Array(0);
    const body = bytes.subarray(DATA, DATA + 10 * MIB);
    const exchange = new RecordingExchange({ headers: [...headers, ...values] }, body);
    host.begin({ exchange, capabilities: world, body });
    // Two requests: one is sent and fetched, one stays.
    for (let count = 0; count < 2; count += 1) {
      await host.call('hostcall_req_create', NAME + 16, 3, DATA, 8_192);
    }
    await host.call('hostcall_req_send', 2);
    await host.call('hostcall_req_create', NAME + 16, 3, DATA, 8_192);
    await host.call('hostcall_req_send_async', 3);
  });

  test('every hostcall has its dearest arguments here', () => {
    const names = [...terrariumHostcalls.keys(), ...addedByCompilers.keys()];
    expect(Object.keys(dearest).toSorted()).toEqual(names.toSorted());
  });

  test.each(Object.entries(dearest))('%s', async (name, args) => {
    const measured = await host.call(name, ...args).catch((error: Error) => {
      if (error.message.startsWith('trapped')) return undefined;
      throw error;
    });
    const { mostAtOnce = 0 } = measured ?? {};
    expect(mostAtOnce).toBeLessThanOrEqual(pieceBytes * 1.5);
    if (!host.waits(name)) expect(mostAtOnce).toBeLessThanOrEqual(shortMax);
  });

  test('what is large is really done', async () => {
    const least: readonly (readonly [string, number])[] = [
      ['hostcall_req_get_body', 10 * MIB],
      ['hostcall_req_set_body', 10 * MIB],
      ['hostcall_resp_get_body', 32 * MIB],
      ['hostcall_resp_set_body', 32 * MIB],
      ['hostcall_kvstore_insert', 4 * MIB],
      ['hostcall_kvstore_get', 4 * MIB],
      ['hostcall_req_get_headers', 10_000],
      ['hostcall_dns_query_ip', 10_000],
    ];
    for (const [name, bytes] of least) {
      const { total } = await host.call(name, ...(dearest[name] ?? []));
      expect([name, total > bytes]).toEqual([name, true]);
    }
  });
});
