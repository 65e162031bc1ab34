import { expect, test } from 'vitest';
import { describeStream } from '../../../src/commands/cluster/status.ts';
import { readStreamState } from '../../../src/outside/store/nats/stream-state.ts';

function streamWith(replicas: readonly unknown[]) {
  const state = { messages: 5, bytes: 700 };
  const read = readStreamState('TF_main_CTL', { state, cluster: { leader: 's0', replicas } });
  return { copies: read.wholeCopies, line: describeStream(read) };
}

const whole = { name: 's1', current: true, active: 400_000_000 };

test('counts the copies that are there and not behind', () => {
  const { copies, line } = streamWith([whole, { ...whole, name: 's2' }]);
  expect(copies).toBe(3);
  expect(line).toBe('stream TF_main_CTL: 5 keys, 700 bytes, led by s0, 3 whole copies');
});

test('knows a stream that one server has alone', () => {
  const read = readStreamState('TF_main_CTL', { state: { messages: 1, bytes: 2 } });
  expect(read).toMatchObject({ leader: undefined, wholeCopies: 1, late: [] });
  expect(describeStream(read)).toContain('led by its only server, 1 whole copies');
});

test.each([
  ['is behind', { current: false, lag: 7 }, 's2 is 7 behind'],
  ['has said nothing for some seconds', { current: true, active: 4_000_000_000 }, 's2 is silent'],
  ['is known to be away', { current: true, offline: true }, 's2 is silent'],
])('does not count one that %s', (_, facts, words) => {
  const { copies, line } = streamWith([whole, { name: 's2', ...facts }]);
  expect(copies).toBe(2);
  expect(line).toContain(words);
});
