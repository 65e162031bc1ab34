import { expect, test } from 'vitest';
import { Places } from '../../../../src/outside/store/nats/places.ts';
import {
  allStreamConfigs,
  differenceOf,
  streamConfigs,
} from '../../../../src/outside/store/nats/streams.ts';

const [control = {}] = streamConfigs(new Places('main', 1), 3);
const files = allStreamConfigs(new Places('main', 1), 3).at(-1) ?? {};

test('a stream as it is wanted has no difference, whatever else the engine says of it', () => {
  expect(differenceOf(control, { ...control, max_bytes: 5, placement: { tags: ['a'] } })).toBe(
    undefined,
  );
});

test.each([
  ['num_replicas', 1, 'num_replicas must be 3: received 1'],
  ['allow_direct', true, 'allow_direct must be false: received true'],
  ['allow_atomic', undefined, 'allow_atomic must be true: received false'],
  ['metadata', {}, 'metadata terrafirma.format must be 1: received undefined'],
])('names %s where it is another', (name, value, difference) => {
  expect(differenceOf(control, { ...control, [name]: value })).toBe(difference);
});

test('that of whole files is as the clients of the engine make it, with or without notes', () => {
  expect(files).toMatchObject({ name: 'OBJ_TF_main_BLOB', allow_rollup_hdrs: true });
  expect(differenceOf(files, { ...files, metadata: { note: 'made by hand' } })).toBe(undefined);
  const difference = 'num_replicas must be 3: received 1';
  expect(differenceOf(files, { ...files, num_replicas: 1 })).toBe(difference);
});
