import { describe, expect, test } from 'vitest';
import { Bodies } from '../../../src/engine/run/bodies.ts';
import { Admission, type Place } from '../../../src/engine/supply/admission.ts';
import type { OwnerKey } from '../../../src/names.ts';

const limits = {
  runsPerSiteMax: 2,
  queuedRunsPerSiteMax: 1,
  runsPerOwnerMax: 100,
  clientSharePercentMax: 100,
};

/** A request to `/owner/site` by a client. */
const by = (client: string, site = '/a/1') => ({
  owner: `/${site.split('/')[1]}` as OwnerKey,
  site,
  client,
});

const overloaded = expect.objectContaining({ code: 'overloaded' });

/** Joins and takes a seat, or waits for one and notes when it has it. */
function enter(admission: Admission, name: string, seated: string[], site?: string): Place {
  const place = admission.join(by(name.slice(0, 1), site));
  if (admission.tryTakeSeat(place)) seated.push(name);
  else admission.wait(place, { onSeat: () => seated.push(name) });
  return place;
}

describe('Admission', () => {
  test('join() refuses what is beyond runs and queue together, for that site only', () => {
    const admission = new Admission(limits);
    for (let request = 0; request < 3; request += 1) admission.join(by('x'));
    expect(() => admission.join(by('y'))).toThrow(overloaded);
    expect(() => admission.requireRoom(by('y'))).toThrow(overloaded);
    admission.requireRoom(by('y', '/a/2'));
    expect(admission.tryTakeSeat(admission.join(by('y', '/a/2')))).toBe(true);
  });

  test('a site may have fewer runs than others, and a client its share of them', () => {
    const admission = new Admission({
      ...limits,
      runsPerSiteMax: 4,
      queuedRunsPerSiteMax: 3,
      clientSharePercentMax: 50,
    });
    const take = (client: string, runsMax?: number) =>
      admission.tryTakeSeat(admission.join(by(client), runsMax));
    expect([take('x', 2), take('x', 2), take('y', 2)]).toEqual([true, false, true]);
    expect(take('z', 2)).toBe(false);
    // What the owner allows may change with each request, and is never more than the site's.
    expect(take('z', 100)).toBe(true);
    expect(() => admission.requireRoom(by('w'), 2)).toThrow('may have 2 runs at once and 3');
    expect(() => admission.join(by('w'), 1)).toThrow('may have 1 runs at once');
  });

  test('an owner who may have fewer runs for now waits, and gets its seats when it may', () => {
    const admission = new Admission({ ...limits, queuedRunsPerSiteMax: 9 });
    const seated: string[] = [];
    const mallory = '/m' as OwnerKey;
    const first = enter(admission, 'm0', seated, '/m/1');
    admission.limitOwner(mallory, 0);
    enter(admission, 'm1', seated, '/m/2');
    enter(admission, 'm2', seated, '/m/3');
    enter(admission, 'm3', seated, '/m/4');
    enter(admission, 'a1', seated, '/a/1');
    expect(seated).toEqual(['m0', 'a1']);
    admission.leave(first);
    expect(seated).toEqual(['m0', 'a1']);
    admission.limitOwner(mallory, 2);
    expect(seated).toEqual(['m0', 'a1', 'm1', 'm2']);
    admission.limitOwner(mallory, Number.POSITIVE_INFINITY);
    expect(seated).toEqual(['m0', 'a1', 'm1', 'm2', 'm3']);
  });

  test('an owner is limited before its first run, too; its refusals say why', () => {
    const admission = new Admission(limits);
    const mallory = '/m' as OwnerKey;
    admission.limitOwner(mallory, 0);
    const places = [0, 1, 2].map(() => admission.join(by('x', '/m/1')));
    expect(places.map((each) => admission.tryTakeSeat(each))).toEqual([false, false, false]);
    expect(() => admission.join(by('x', '/m/1'))).toThrow('have kept everybody waiting');
  });

  test('join() remembers no client that it refuses', () => {
    const admission = new Admission(limits);
    for (let request = 0; request < 3; request += 1) admission.join(by('x'));
    for (let client = 0; client < 100; client += 1) {
      expect(() => admission.join(by(`y${client}`))).toThrow(overloaded);
    }
    expect(admission.clientCount('/a/1')).toBe(1);
  });

  test('remembers so many clients, and sites as far as these go; who is in use stays', () => {
    const admission = new Admission(limits);
    const visit = (client: string, site: string): void =>
      admission.leave(enterSeated(client, site));
    const enterSeated = (client: string, site: string): Place => {
      const place = admission.join(by(client, site));
      admission.tryTakeSeat(place);
      return place;
    };
    const inUse = enterSeated('x', '/b/1');
    for (let site = 0; site < 16_383; site += 1) visit('x', `/a/${site}`);
    expect(admission.siteCount).toBe(16_384);
    visit('x', '/c/1');
    expect(admission.siteCount).toBe(2);
    for (let site = 0; site < 2_000; site += 1) {
      for (let client = 0; client < 16; client += 1) visit(`${client}`, `/a/${site}`);
    }
    expect(admission.siteCount).toBeLessThanOrEqual(1_024);
    const other = enterSeated('x', '/b/1');
    expect([inUse.hasSeat, other.hasSeat]).toEqual([true, true]);
    expect(admission.tryTakeSeat(admission.join(by('x', '/b/1')))).toBe(false);
  });

  test('tryTakeSeat() gives a site its seats and no more', () => {
    const admission = new Admission(limits);
    const places = [0, 1, 2].map(() => admission.join(by('x')));
    expect(places.map((each) => admission.tryTakeSeat(each))).toEqual([true, true, false]);
  });

  test('leave() hands the seat to who has waited longest; makes room for another request', () => {
    const admission = new Admission({ ...limits, queuedRunsPerSiteMax: 2 });
    const seated: string[] = [];
    const [first, second, , fourth] = ['x1', 'x2', 'x3', 'x4'].map((name) =>
      enter(admission, name, seated),
    );
    if (!first || !second || !fourth) throw new Error('four have entered');
    admission.leave(first);
    expect(seated).toEqual(['x1', 'x2', 'x3']);
    admission.leave(fourth);
    admission.leave(second);
    expect(seated).toEqual(['x1', 'x2', 'x3']);
    expect(admission.tryTakeSeat(admission.join(by('x')))).toBe(true);
  });

  test('clients of a site have seats in turn, however many requests one of them has', () => {
    const admission = new Admission({ ...limits, runsPerSiteMax: 1, queuedRunsPerSiteMax: 9 });
    const seated: string[] = [];
    const places = new Map<string, Place>();
    for (const name of ['x1', 'x2', 'x3', 'x4', 'y1']) {
      places.set(name, enter(admission, name, seated));
    }
    for (let count = 0; count < 4; count += 1) {
      const place = places.get(seated.at(-1) ?? '');
      if (place !== undefined) admission.leave(place);
    }
    expect(seated).toEqual(['x1', 'x2', 'y1', 'x3', 'x4']);
  });

  test('one client has its part of runs and queue, and leaves the rest to others', () => {
    const admission = new Admission({
      ...limits,
      runsPerSiteMax: 4,
      queuedRunsPerSiteMax: 4,
      clientSharePercentMax: 75,
    });
    const seated: string[] = [];
    const places = [1, 2, 3, 4, 5, 6].map((count) => enter(admission, `x${count}`, seated));
    expect(seated).toEqual(['x1', 'x2', 'x3']);
    expect(() => admission.join(by('x'))).toThrow(overloaded);
    enter(admission, 'y1', seated);
    expect(seated).toEqual(['x1', 'x2', 'x3', 'y1']);
    if (places[0] !== undefined) admission.leave(places[0]);
    expect(seated).toEqual(['x1', 'x2', 'x3', 'y1', 'x4']);
  });

  test('all sites of an owner have together the seats of one, in turn', () => {
    const admission = new Admission({ ...limits, queuedRunsPerSiteMax: 9, runsPerOwnerMax: 3 });
    const seated: string[] = [];
    const first = enter(admission, 'x1', seated, '/a/1');
    const second = enter(admission, 'x2', seated, '/a/1');
    enter(admission, 'x3', seated, '/a/2');
    for (const name of ['x4', 'x5']) enter(admission, name, seated, '/a/1');
    for (const name of ['x6', 'x7']) enter(admission, name, seated, '/a/2');
    enter(admission, 'y1', seated, '/b/1');
    expect(seated).toEqual(['x1', 'x2', 'x3', 'y1']);
    admission.leave(first);
    admission.leave(second);
    expect(seated.slice(4)).toEqual(['x4', 'x6']);
  });

  test('remembers no more sites than are in use, and some', () => {
    const admission = new Admission(limits);
    const kept = admission.join(by('x', '/kept/1'));
    admission.tryTakeSeat(kept);
    for (let site = 0; site < 5_000; site += 1) {
      const place = admission.join(by('x', `/owner${site}/1`));
      admission.tryTakeSeat(place);
      admission.leave(place);
    }
    for (let request = 1; request < 3; request += 1) admission.join(by('x', '/kept/1'));
    expect(() => admission.join(by('x', '/kept/1'))).toThrow(overloaded);
  });
});

describe('Bodies', () => {
  const body = (isBodyReceived = false) => ({ isBodyReceived });

  test('begin() refuses what is too much for one client, and for that one only', () => {
    const bodies = new Bodies(2);
    const first = body();
    bodies.begin('x', first);
    bodies.begin('x', body());
    expect(() => bodies.begin('x', body())).toThrow(overloaded);
    bodies.begin('y', body());
    bodies.end('x', first);
    bodies.begin('x', body());
  });

  test('what has arrived counts no more', () => {
    const bodies = new Bodies(2);
    const [slow, arrived] = [body(), body()];
    bodies.begin('x', slow);
    bodies.begin('x', arrived);
    arrived.isBodyReceived = true;
    bodies.begin('x', body());
    expect(() => bodies.begin('x', body())).toThrow(overloaded);
  });

  test('what its owner has a seat for takes one of the module alone', () => {
    const admission = new Admission({ ...limits, runsPerOwnerMax: 1 });
    expect(admission.tryTakeSeat(admission.join(by('x')))).toBe(true);
    expect(admission.tryTakeSeat(admission.join(by('x', '/a/2')))).toBe(false);
    const covered = admission.join(by('x', '/a/3'), 1, true);
    expect(admission.tryTakeSeat(covered)).toBe(true);
    const waiting = admission.join(by('y', '/a/3'), 1, true);
    expect(admission.tryTakeSeat(waiting)).toBe(false);
    let isSeated = false;
    admission.wait(waiting, { onSeat: () => (isSeated = true) });
    admission.leave(covered);
    expect(isSeated).toBe(true);
  });
});
