import { describe, expect, test } from 'vitest';
import { Visits, visitHeader } from '../../../src/capability/fetch/visits.ts';

const key = new Uint8Array(32).fill(7);
const loop = expect.objectContaining({ code: 'loop' });

describe('Visits', () => {
  test('a visit may cause so many runs, however they are nested', () => {
    const visits = new Visits({ key, runsPerVisitMax: 3 });
    const visit = visits.open();
    const headers = [
      ['host', 'x.test'],
      [visitHeader, visit],
    ] as const;
    const id = visit.slice(0, 16);
    for (let run = 0; run < 3; run += 1) {
      expect(visits.enter(headers)).toEqual({ visit: id, callers: [] });
    }
    expect(() => visits.enter(headers)).toThrow(loop);
    const other = visits.open();
    expect(visits.enter([[visitHeader, other]])?.visit).toBe(other.slice(0, 16));
  });

  test('daemons with the same key believe each other', () => {
    const visit = new Visits({ key, runsPerVisitMax: 1 }).open();
    const visits = new Visits({ key, runsPerVisitMax: 1 });
    expect(visits.enter([[visitHeader, visit]])?.visit).toBe(visit.slice(0, 16));
    expect(() => visits.enter([[visitHeader, visit]])).toThrow(loop);
  });

  test('the runs that wait for a request are named in it, the visitor’s first', () => {
    const visits = new Visits({ key, runsPerVisitMax: 99 });
    const names = Array.from({ length: 9 }, () => visits.newName());
    let entered = visits.enter([[visitHeader, visits.open(undefined, names[0])]]);
    expect(entered?.callers).toEqual(names.slice(0, 1));
    const { visit } = entered ?? {};
    for (const name of names.slice(1)) {
      entered = visits.enter([[visitHeader, visits.open(entered, name)]]);
    }
    // So many at most: the oldest give way.
    expect(entered).toEqual({ visit, callers: names.slice(1) });
    const token = visits.open(entered);
    const other = token.replace(names[3] ?? '', visits.newName());
    expect(visits.enter([[visitHeader, other]])).toBeUndefined();
  });

  test('a name with another signature, or none, is a visitor’s own request', () => {
    const visits = new Visits({ key, runsPerVisitMax: 1 });
    const foreign = new Visits({ key: new Uint8Array(32), runsPerVisitMax: 1 }).open();
    const tampered = visits.open().replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
    for (const value of [foreign, tampered, '', 'x.y', `${visits.open()}.z`]) {
      for (let time = 0; time < 3; time += 1) {
        expect(visits.enter([[visitHeader, value]])).toBeUndefined();
      }
    }
    expect(visits.enter([])).toBeUndefined();
  });
});
