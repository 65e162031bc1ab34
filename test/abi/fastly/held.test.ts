/** Whatever a run makes the host keep counts as its memory, and is given back once. */
import { expect, test } from 'vitest';
import { createFastlyPuppet, type FastlyPuppet } from '../../support/fastly-puppet.ts';
import { ok, REQ, useSending } from '../../support/fastly-sending.ts';

const bench = useSending();
const BODIES = 'fastly_http_body';
const HTTP = 'fastly_http_cache';
const OUT = 50_000;
const limits = { memoryBytesMax: 65_536 };
const long = 'v'.repeat(30_000);

async function filled(puppet: FastlyPuppet): Promise<number> {
  const request = await puppet.number(`${REQ}.new`);
  await ok(puppet.call(`${REQ}.header_insert`, request, 'x-long', long));
  return request;
}

const hasRoom = async (puppet: FastlyPuppet): Promise<boolean> => {
  const request = await puppet.number(`${REQ}.new`);
  const status = await puppet.call(`${REQ}.header_insert`, request, 'x-more', long);
  await ok(puppet.call(`${REQ}.close`, request));
  return status === 0;
};

test('changes of an answer that is to come', async () => {
  const puppet = await bench.puppet({ limits });
  const request = await puppet.number(`${REQ}.new`);
  await ok(puppet.call(`${REQ}.uri_set`, request, 'http://x.example/'));
  const pending = await puppet.number(`${REQ}.send_async`, request, await puppet.body(), 'origin');
  const change = (way: string) =>
    puppet.call(`${REQ}.pending_req_header_${way}`, pending, 'x-a', long, 0);
  expect([await change('insert'), await change('append'), await change('append')]).toEqual([
    0, 0, 13,
  ]);
  expect(await hasRoom(puppet)).toBe(false);
  await ok(puppet.call(`${REQ}.pending_req_wait`, pending, OUT, OUT + 4));
  expect(await hasRoom(puppet)).toBe(true);
});

test('fields of requests that wait for their bodies', async () => {
  const puppet = await bench.puppet({ limits });
  const pending: number[] = [];
  const bodies: number[] = [];
  for (let n = 0; n < 2; n += 1) {
    const body = await puppet.body();
    bodies.push(body);
    const request = await filled(puppet);
    await ok(puppet.call(`${REQ}.uri_set`, request, 'http://x.example/'));
    pending.push(await puppet.number(`${REQ}.send_async_streaming`, request, body, 'origin'));
  }
  expect(await hasRoom(puppet)).toBe(false);
  for (const body of bodies) await ok(puppet.call(`${BODIES}.close`, body));
  for (const each of pending) {
    await ok(puppet.call(`${REQ}.pending_req_wait`, each, OUT, OUT + 4));
  }
  expect(await hasRoom(puppet)).toBe(true);
});

test('URLs and methods', async () => {
  const puppet = await createFastlyPuppet({ limits });
  const handles: number[] = [];
  const statuses: number[] = [];
  for (let n = 0; n < 8; n += 1) {
    const request = await puppet.number(`${REQ}.new`);
    handles.push(request);
    statuses.push(await puppet.call(`${REQ}.uri_set`, request, `/${'u'.repeat(8_000)}`));
    if (n === 7) statuses.push(await puppet.call(`${REQ}.method_set`, request, 'm'.repeat(1_000)));
  }
  expect(statuses).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const one = await puppet.number(`${REQ}.new`);
  expect(await puppet.call(`${REQ}.uri_set`, one, `/${'u'.repeat(8_000)}`)).toBe(13);
  expect(await puppet.value(`${REQ}.uri_get`, one)).toMatchObject({ text: '/' });
  await ok(puppet.call(`${REQ}.uri_set`, handles[0] ?? 0, '/'));
  await ok(puppet.call(`${REQ}.close`, handles[1] ?? 0));
  expect(await puppet.call(`${REQ}.uri_set`, one, `/${'u'.repeat(8_000)}`)).toBe(0);
});

test('trailers', async () => {
  const puppet = await createFastlyPuppet({ limits });
  const [one, two, three] = [await puppet.body(), await puppet.body(), await puppet.body()];
  const add = (body: number) => puppet.call(`${BODIES}.trailer_append`, body, 'x-a', long);
  expect([await add(one), await add(two), await add(three)]).toEqual([0, 0, 13]);
  await ok(puppet.call(`${BODIES}.append`, one, two));
  expect(await add(three)).toBe(13);
  await ok(puppet.call(`${BODIES}.close`, one));
  expect([await add(three), await hasRoom(puppet)]).toEqual([0, true]);
});

test('a body takes in no other whose trailers it has no room for', async () => {
  const puppet = await createFastlyPuppet();
  const [one, two] = [await puppet.body('a'), await puppet.body('b')];
  const add = (body: number) =>
    puppet.call(`${BODIES}.trailer_append`, body, 'x-a', 'v'.repeat(40_000));
  expect([await add(one), await add(two)]).toEqual([0, 0]);
  expect(await puppet.call(`${BODIES}.append`, one, two)).toBe(13);
  expect([await puppet.read(one), await puppet.read(one)]).toEqual(['a', '']);
  expect([await puppet.read(two), await puppet.read(two)]).toEqual(['b', '']);
});

test('requests that responses were looked up for', async () => {
  const puppet = await createFastlyPuppet({ limits });
  const request = await filled(puppet);
  const look = () => puppet.call(`${HTTP}.transaction_lookup`, request, 0, 0, OUT);
  expect([await look(), await look()]).toEqual([0, 13]);
  await ok(puppet.call(`${HTTP}.close`, puppet.u32(OUT)));
  expect(await look()).toBe(0);
});
