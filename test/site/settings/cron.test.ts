import { describe, expect, test } from 'vitest';
import { nextTime } from '../../../src/site/settings/cron.ts';
import { faultOf, lines, read } from './read.ts';

const one = (text: string) => `[[cron]]\n${text}`;

describe('[[cron]]', () => {
  test('an entry with all that it may have, and one with little', () => {
    const { cron } = read(`
      [[cron]]
      schedule = "*/15 * * * *"
      module = "jobs/clean.wasm"
      path = "/?full=1"
      timezone = "Europe/Berlin"
      missed = "once"
      [[cron]]
      schedule = "@daily"
      module = "a.wasm"
    `);
    expect(cron).toEqual([
      {
        schedule: '*/15 * * * *',
        modulePath: 'jobs/clean.wasm',
        target: '/?full=1',
        timezone: 'Europe/Berlin',
        makesUp: true,
      },
      { schedule: '@daily', modulePath: 'a.wasm', target: '', timezone: 'UTC', makesUp: false },
    ]);
  });

  test.each([
    ['module = "a.wasm"', 'toml:1: cron must have "schedule"'],
    ['schedule = "* * * * * *"\nmodule = "a.wasm"', 'toml:2: cron.schedule must be five fields'],
    ['schedule = "61 * * * *"\nmodule = "a.wasm"', 'cron.schedule must be five fields'],
    ['schedule = ""\nmodule = "a.wasm"', 'cron.schedule must be five fields'],
    ['schedule = "2026-01-01T00:00:00"\nmodule = "a.wasm"', 'cron.schedule must be five fields'],
    ['schedule = "@yearly"\nmodule = "a.wasm"', 'or one of @hourly, @daily, @weekly, @monthly'],
    ['schedule = "0 0 30 2 *"\nmodule = "a.wasm"', 'must have a time at which it comes'],
    ['schedule = "@daily"\nmodule = "a"', 'cron.module must be the path of a module'],
    ['schedule = "@daily"\nmodule = "a.wasm"\npath = "x"', 'cron.path must begin with "/" or "?"'],
    ['schedule = "@daily"\nmodule = "a.wasm"\npath = "/a b"', 'cron.path must begin with'],
    ['schedule = "@daily"\nmodule = "a.wasm"\ntimezone = "Mars/X"', 'must be a time zone'],
    ['schedule = "@daily"\nmodule = "a.wasm"\nmissed = "all"', 'must be "skip" or "once"'],
  ])('%j is refused', (text, fault) => {
    expect(faultOf(one(text))).toContain(fault);
  });

  test('at most 32 entries', () => {
    const entries = (count: number) =>
      lines(count, () => one('schedule = "@daily"\nmodule = "a.wasm"'));
    expect(faultOf(entries(32))).toBe('accepted');
    expect(faultOf(entries(33))).toContain('cron may hold at most 32 entries: received 33');
  });
});

describe('nextTime()', () => {
  const berlin = { schedule: '30 2 * * *', timezone: 'Europe/Berlin' };
  const next = (entry: typeof berlin, iso: string) => nextTime(entry, new Date(iso))?.toISOString();

  test('an hour that the clock leaves out runs when it is over', () => {
    expect(next(berlin, '2026-03-28T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z');
    expect(next(berlin, '2026-03-29T01:00:00Z')).toBe('2026-03-30T00:30:00.000Z');
  });

  test('an hour that comes twice runs once', () => {
    expect(next(berlin, '2026-10-24T12:00:00Z')).toBe('2026-10-25T00:30:00.000Z');
    expect(next(berlin, '2026-10-25T00:30:00Z')).toBe('2026-10-26T01:30:00.000Z');
  });

  test('the time itself is not after it', () => {
    const each = { schedule: '* * * * *', timezone: 'UTC' };
    expect(next(each, '2026-01-01T00:00:00Z')).toBe('2026-01-01T00:01:00.000Z');
    expect(next(each, '2026-01-01T00:00:59.999Z')).toBe('2026-01-01T00:01:00.000Z');
  });
});
