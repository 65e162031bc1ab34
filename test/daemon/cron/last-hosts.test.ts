import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostName } from '../../../src/names.ts';
import { CronStage, folderKey, siteWith } from './world.ts';

const dayMs = 86_400_000;
const seen = 'seen.example' as HostName;

describe('LastHosts', () => {
  let stage: CronStage;
  beforeEach(() => {
    stage = new CronStage();
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  test('the canonical name, else the first listed, else the last seen', async () => {
    const hosts = stage.openHosts();
    const nameOf = async (text: string) => hosts.hostFor(siteWith(text));
    hosts.note(seen, folderKey);
    expect(await nameOf('')).toEqual({ kind: 'host', hostName: 'seen.example' });
    const listed = 'host_names = ["a.example", "b.example"]\n';
    expect(await nameOf(listed)).toEqual({ kind: 'host', hostName: 'a.example' });
    expect(await nameOf(`${listed}[site]\ncanonical_host = "b.example"`)).toEqual({
      kind: 'host',
      hostName: 'b.example',
    });
  });

  test('where one folder is served, a name is not needed', async () => {
    const hosts = stage.openHosts(true);
    stage.leadsHere = false;
    expect(await hosts.hostFor(siteWith(''))).toEqual({ kind: 'host', hostName: 'localhost' });
  });

  test('what was seen holds over a restart, and for 30 days without a record', async () => {
    stage.openHosts().note(seen, folderKey);
    // Stored beside: read by the next daemon.
    const next = stage.openHosts();
    const kind = async () => (await next.hostFor(siteWith(''))).kind;
    await expect.poll(kind, { timeout: 20_000 }).toBe('host');
    stage.leadsHere = false;
    stage.nowMs += 29 * dayMs;
    expect(await next.hostFor(siteWith(''))).toEqual({ kind: 'host', hostName: 'seen.example' });
    stage.nowMs += 2 * dayMs;
    expect(await next.hostFor(siteWith(''))).toMatchObject({
      kind: 'rests',
      reason: expect.stringContaining('no record has led to the folder for 30 days'),
    });
    stage.leadsHere = true;
    expect(await next.hostFor(siteWith(''))).toEqual({ kind: 'host', hostName: 'seen.example' });
  });

  test('a row that cannot be read is none', async () => {
    const key = Buffer.from(`host\n${folderKey}`);
    for (const text of ['{', 'null', '{"hostName":1,"atMs":1}']) {
      const write = { key, op: 'put', value: Buffer.from(text) } as const;
      const store = stage.openStore();
      await store.commit({ area: 'site', name: 'cron' }, [write], { deadlineMs: 20_000 });
      expect(await stage.openHosts().hostFor(siteWith(''))).toMatchObject({ kind: 'rests' });
    }
  });

  test('a folder of which no name is known rests', async () => {
    expect(await stage.openHosts().hostFor(siteWith(''))).toMatchObject({
      kind: 'rests',
      reason: expect.stringContaining('no host name is known'),
    });
  });
});
