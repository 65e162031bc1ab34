import { describe, expect, test } from 'vitest';
import { createFastlyPuppet, END } from '../../support/fastly-puppet.ts';

const DOWN = 'fastly_http_downstream';
const REQ = 'fastly_http_req';

describe('what is known of the visitor', () => {
  test.each([
    ['192.0.2.7', [192, 0, 2, 7]],
    ['::ffff:192.0.2.7', [192, 0, 2, 7]],
    ['2001:db8::1', [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['fe80::1%eth0', [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
  ])('address %s, by handle and without', async (clientAddress, octets) => {
    const puppet = await createFastlyPuppet({ request: { clientAddress } });
    const { request } = await puppet.downstream();
    expect(await puppet.call(`${DOWN}.downstream_client_ip_addr`, request, 8, 40)).toBe(0);
    expect([...puppet.bytes.subarray(8, 8 + puppet.u32(40))]).toEqual(octets);
    expect(await puppet.call(`${REQ}.downstream_client_ip_addr`, 64, 100)).toBe(0);
    expect([...puppet.bytes.subarray(64, 64 + puppet.u32(100))]).toEqual(octets);
    expect(await puppet.call(`${REQ}.downstream_client_ip_addr`, END - 15, 100)).toBe(2);
  });

  test('the id of the request, in 32 digits', async () => {
    const puppet = await createFastlyPuppet();
    const { request } = await puppet.downstream();
    const given = await puppet.value(`${DOWN}.downstream_client_request_id`, request);
    expect(given.text).toBe('4fa1c2d3e4b500000000000000000047');
    expect((await puppet.value(`${REQ}.downstream_client_request_id`)).text).toBe(given.text);
  });

  test.each([
    ['downstream_client_ddos_detected', 0],
    ['fastly_key_is_valid', 0],
    ['downstream_bot_analyzed', 0],
    ['downstream_bot_detected', 0],
    ['downstream_resvpnproxy_is_tor_exit_node', 0],
  ])('%s is %d', async (name, value) => {
    const puppet = await createFastlyPuppet();
    const { request } = await puppet.downstream();
    expect(await puppet.number(`${DOWN}.${name}`, request)).toBe(value);
    const own = await puppet.number(`${REQ}.new`);
    expect(await puppet.call(`${DOWN}.${name}`, own, 8)).toBe(10);
    expect(await puppet.call(`${DOWN}.${name}`, 99, 8)).toBe(3);
  });

  test('the request goes on being the visitor’s when it is closed', async () => {
    const puppet = await createFastlyPuppet();
    const { request } = await puppet.downstream();
    await puppet.call(`${REQ}.close`, request);
    expect(await puppet.call(`${DOWN}.downstream_client_ip_addr`, request, 8, 40)).toBe(0);
  });

  test('names that nobody knows are none', async () => {
    const puppet = await createFastlyPuppet();
    const { request } = await puppet.downstream();
    for (const name of ['bot_name', 'bot_category', 'resvpnproxy_vpn_service_name']) {
      expect((await puppet.value(`${DOWN}.downstream_${name}`, request)).status).toBe(10);
    }
    expect(await puppet.call(`${DOWN}.downstream_bot_category_kind`, request, 0)).toBe(10);
    expect(await puppet.call(`${DOWN}.downstream_bot_verified`, request, 0)).toBe(10);
    expect(await puppet.call(`${DOWN}.downstream_visits_this_service`, 0)).toBe(5);
    expect((await puppet.value(`${DOWN}.downstream_compliance_region`, request)).text).toBe('none');
  });
});

describe('one more request', () => {
  const next = `${DOWN}.next_request`;

  test('is promised, and never comes', async () => {
    const puppet = await createFastlyPuppet();
    const promise = await puppet.number(next, 0, 0);
    expect(await puppet.call(next, 0, 0, 8)).toBe(13);
    expect(await puppet.call(`${next}_wait`, promise, 0, 8)).toBe(5);
    const [response, body] = [await puppet.number('fastly_http_resp.new'), await puppet.body()];
    await puppet.call('fastly_http_resp.send_downstream', response, body, 0);
    expect(await puppet.call(`${next}_wait`, promise, 0, 8)).toBe(10);
    expect(await puppet.call(`${next}_wait`, promise, 0, 8)).toBe(3);
  });

  test('can be given up', async () => {
    const puppet = await createFastlyPuppet();
    const promise = await puppet.number(next, 2, 64);
    expect(await puppet.call(`${next}_abandon`, promise)).toBe(0);
    expect(await puppet.call(`${next}_abandon`, promise)).toBe(3);
    expect(await puppet.number(next, 0, 0)).not.toBe(promise);
  });

  test('is not asked for by bits that there are not', async () => {
    const puppet = await createFastlyPuppet();
    expect(await puppet.call(next, 1, 0, 8)).toBe(2);
    expect(await puppet.call(next, 4, 0, 8)).toBe(2);
    expect(await puppet.call(next, 2, END - 7, 8)).toBe(2);
    expect(await puppet.call(next, 0, 0, END - 3)).toBe(2);
  });
});
