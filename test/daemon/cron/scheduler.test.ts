import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FolderKey } from '../../../src/names.ts';
import { CronStage, folderKey, siteWith } from './world.ts';

const minuteMs = 60_000;
const text = (more = '') => `
  [[cron]]
  schedule = "*/10 * * * *"
  module = "jobs/clean.wasm"
  path = "/?full=1"
  ${more}
`;

describe('CronScheduler', () => {
  let stage: CronStage;
  beforeEach(() => {
    stage = new CronStage();
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  test('calls a module at its time, once, and tells how it ended', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    await daemon.look();
    expect(daemon.orders).toEqual([]);
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    await daemon.look();
    await daemon.look();
    expect(daemon.orders).toEqual([
      {
        site,
        modulePath: 'jobs/clean.wasm',
        target: '/?full=1',
        schedule: '*/10 * * * *',
        scheduledAt: '2026-03-01T00:10:00.000Z',
        hostName: 'www.example.com',
      },
    ]);
    expect(daemon.journal.entries).toMatchObject([
      { kind: 'cron-ran', fields: { modulePath: 'jobs/clean.wasm', status: 200 } },
    ]);
    stage.nowMs += 10 * minuteMs;
    await daemon.look();
    expect(daemon.times.at(-1)).toBe('2026-03-01T00:20:00.000Z');
  });

  test('begins within five seconds after the minute, always the same', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    const slotMs = Date.parse('2026-03-01T00:10:00Z');
    let beganAfterMs = 0;
    for (; daemon.orders.length === 0; beganAfterMs += 100) {
      stage.nowMs = slotMs + beganAfterMs;
      await daemon.look();
    }
    expect(beganAfterMs).toBeLessThanOrEqual(5_100);
  });

  test('two daemons on one store: each slot is run by one of them', async () => {
    const site = siteWith(text());
    const daemons = [stage.openDaemon('a', () => site), stage.openDaemon('b', () => site)];
    for (const daemon of daemons) await daemon.learn(site);
    for (let slot = 1; slot <= 5; slot += 1) {
      stage.nowMs = Date.parse('2026-03-01T00:00:05Z') + slot * 10 * minuteMs;
      await Promise.all(daemons.map((daemon) => daemon.look()));
    }
    const times = daemons.flatMap((daemon) => daemon.times);
    expect(new Set(times).size).toBe(5);
    expect(times).toHaveLength(5);
  });

  test('never two runs of one entry at a time', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    const gate = Promise.withResolvers<void>();
    daemon.gate = gate.promise;
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    daemon.scheduler?.look();
    stage.nowMs += 10 * minuteMs;
    daemon.scheduler?.look();
    expect(daemon.journal.entries).toMatchObject([
      {
        kind: 'cron-skipped',
        fields: {
          scheduledAt: '2026-03-01T00:20:00.000Z',
          reason: 'the run before it is not over',
        },
      },
    ]);
    gate.resolve();
    await daemon.scheduler?.settled();
    expect(daemon.times).toEqual(['2026-03-01T00:10:00.000Z']);
  });

  test('a run whose end nobody knows is not repeated, and told', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    const gate = Promise.withResolvers<void>();
    daemon.gate = gate.promise;
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    daemon.scheduler?.look();
    await expect.poll(() => daemon.orders.length).toBe(1);
    gate.reject(new Error('the thread ended'));
    await daemon.scheduler?.settled();
    await daemon.look();
    expect(daemon.times).toHaveLength(1);
    expect(daemon.kinds).toEqual(['cron-unknown']);
  });

  test('killed between claim and end: unknown, told once, not run again', async () => {
    const site = siteWith(text('missed = "once"'));
    const killed = stage.openDaemon('a', () => site);
    await killed.learn(site);
    killed.gate = Promise.withResolvers<void>().promise;
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    killed.scheduler?.look();
    await expect.poll(() => killed.orders.length).toBe(1);

    const other = stage.openDaemon('b', () => site);
    await other.scheduler?.start();
    expect(other.kinds).toEqual([]);
    const next = stage.openDaemon('a', () => site);
    await next.scheduler?.start();
    await next.learn(site);
    await next.look();
    expect(next.orders).toEqual([]);
    expect(next.journal.entries).toMatchObject([
      {
        kind: 'cron-unknown',
        fields: { folderKey, scheduledAt: '2026-03-01T00:10:00.000Z' },
      },
    ]);
    const third = stage.openDaemon('a', () => site);
    await third.scheduler?.start();
    expect(third.kinds).toEqual([]);
    other.scheduler?.rest();
    next.scheduler?.rest();
    third.scheduler?.rest();
  });

  test('what is missed is skipped, or made up for by one run', async () => {
    for (const [missed, times, kinds] of [
      ['skip', [], ['cron-skipped']],
      ['once', ['2026-03-01T03:00:00.000Z'], ['cron-ran']],
    ] as const) {
      stage.nowMs = Date.parse('2026-03-01T00:00:30Z');
      const site = siteWith(text(`missed = "${missed}"\ntimezone = "UTC"`));
      const daemon = stage.openDaemon('a', () => site);
      await daemon.learn(site);
      // The machine slept.
      stage.nowMs = Date.parse('2026-03-01T03:05:00Z');
      await daemon.look();
      expect(daemon.times).toEqual(times);
      expect(daemon.kinds).toEqual(kinds);
    }
  });

  test('what was missed while no daemon was there is made up for', async () => {
    const site = siteWith(text('missed = "once"'));
    const before = stage.openDaemon('a', () => site);
    await before.learn(site);
    before.scheduler?.rest();
    stage.nowMs = Date.parse('2026-03-03T05:05:00Z');
    const after = stage.openDaemon('a', () => site);
    await after.learn(site);
    expect(after.times).toEqual(['2026-03-03T05:00:00.000Z']);
    const again = stage.openDaemon('a', () => site);
    await again.learn(site);
    expect(again.times).toEqual([]);
    // An entry that nobody knew before has missed nothing.
    const changed = siteWith(text('missed = "once"').replace('full=1', 'full=2'));
    await again.learn(changed);
    expect(again.times).toEqual([]);
  });

  test('a clock that jumps runs no slot twice', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    await daemon.look();
    stage.nowMs = Date.parse('2026-02-28T23:00:00Z');
    for (let minutes = 0; minutes < 81; minutes += 1) {
      stage.nowMs += minuteMs;
      await daemon.look();
    }
    expect(daemon.times).toEqual(['2026-03-01T00:10:00.000Z', '2026-03-01T00:20:00.000Z']);
    // Another daemon, with the clock set back, finds the claim.
    stage.nowMs = Date.parse('2026-03-01T00:09:00Z');
    const second = stage.openDaemon('b', () => site);
    await second.learn(site);
    stage.nowMs = Date.parse('2026-03-01T00:10:06Z');
    await second.look();
    expect(second.times).toEqual([]);
  });

  test('over both changes of the clock', async () => {
    const site = siteWith(`
      [[cron]]
      schedule = "30 2 * * *"
      module = "a.wasm"
      timezone = "Europe/Berlin"
    `);
    const daemon = stage.openDaemon('a', () => site);
    stage.nowMs = Date.parse('2026-03-28T12:00:00Z');
    await daemon.learn(site);
    for (const [from, to] of [
      ['2026-03-28T12:00:10Z', '2026-03-29T12:00:00Z'],
      ['2026-10-24T12:00:10Z', '2026-10-25T12:00:00Z'],
    ] as const) {
      for (stage.nowMs = Date.parse(from); stage.nowMs < Date.parse(to); ) {
        stage.nowMs += minuteMs / 2;
        await daemon.look();
      }
    }
    expect(daemon.times).toEqual(['2026-03-29T01:00:00.000Z', '2026-10-25T00:30:00.000Z']);
  });

  test('follows the file: entries that went are not called', async () => {
    let site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    // Nobody has told of the new file yet.
    site = siteWith('');
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    await daemon.look();
    expect(daemon.orders).toEqual([]);
    await daemon.learn(siteWith(text()));
    await daemon.learn({ ...siteWith(text()), failure: { code: 'bad-settings', detail: '' } });
    stage.nowMs += 10 * minuteMs;
    await daemon.look();
    expect(daemon.orders).toEqual([]);
  });

  test('rests where nobody leads a name to the folder for 30 days, told once', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    stage.leadsHere = false;
    stage.nowMs = Date.parse('2026-03-30T00:10:05Z');
    await daemon.look();
    stage.nowMs = Date.parse('2026-03-30T00:20:05Z');
    await daemon.look();
    const runs = daemon.times.length;
    expect(runs).toBe(2);
    for (const hour of ['00', '01', '02']) {
      stage.nowMs = Date.parse(`2026-04-02T${hour}:09:30Z`);
      await daemon.look();
      stage.nowMs = Date.parse(`2026-04-02T${hour}:10:05Z`);
      await daemon.look();
    }
    expect(daemon.times).toHaveLength(runs);
    expect(daemon.kinds.filter((kind) => kind === 'cron-rests')).toHaveLength(1);
    stage.leadsHere = true;
    stage.nowMs = Date.parse('2026-04-02T02:20:05Z');
    await daemon.look();
    expect(daemon.times).toHaveLength(runs + 1);
  });

  test('cronEntriesMax: what is more is told and not called', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site, { cronEntriesMax: 1 });
    await daemon.learn(site);
    await daemon.learn(siteWith(text(), '/keybase/private/bob,bot' as FolderKey));
    expect(daemon.journal.entries).toMatchObject([
      { kind: 'cron-rests', fields: { folderKey: '/keybase/private/bob,bot' } },
    ]);
    await daemon.learn(site);
    expect(daemon.journal.entries).toHaveLength(1);
  });

  test('cronEntriesMax: an owner has no more of them than are left for the others', async () => {
    const many = [1, 2].map((n) => text().replace('full=1', `full=${n}`)).join('\n');
    const folder = (name: string) => siteWith(many, `/keybase/private/${name}` as FolderKey);
    const daemon = stage.openDaemon('a', () => folder('eve,bot/1'), { cronEntriesMax: 10 });
    for (let count = 1; count <= 9; count += 1) await daemon.learn(folder(`eve,bot/${count}`));
    const refused = daemon.journal.entries.map(({ fields }) => fields.folderKey);
    expect(refused).toEqual([4, 5, 6, 7, 8, 9].map((count) => `/keybase/private/eve,bot/${count}`));
    await daemon.learn(folder('bob,bot'));
    expect(daemon.journal.entries).toHaveLength(6);
    // Fewer than before are always taken.
    await daemon.learn(siteWith(text(), '/keybase/private/eve,bot/1' as FolderKey));
    expect(daemon.journal.entries).toHaveLength(6);
  });

  test('cronRunsMax: others wait for their turn', async () => {
    const many = siteWith([1, 2, 3].map((n) => text().replace('full=1', `full=${n}`)).join('\n'));
    const daemon = stage.openDaemon('a', () => many, { cronRunsMax: 1 });
    await daemon.learn(many);
    const gate = Promise.withResolvers<void>();
    daemon.gate = gate.promise;
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    daemon.scheduler?.look();
    await expect.poll(() => daemon.orders.length).toBe(1);
    gate.resolve();
    await daemon.scheduler?.settled();
    expect(daemon.orders).toHaveLength(3);
  });

  test('a store that is not there: nothing is run, and it is told', async () => {
    const site = siteWith(text());
    const daemon = stage.openDaemon('a', () => site);
    await daemon.learn(site);
    await stage[Symbol.asyncDispose]();
    stage.nowMs = Date.parse('2026-03-01T00:10:05Z');
    await daemon.look();
    expect(daemon.orders).toEqual([]);
    expect(daemon.kinds).toEqual(['cron-skipped']);
    stage = new CronStage();
  });
});
