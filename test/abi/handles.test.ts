import { describe, expect, test } from 'vitest';
import { HandleError, HandleSpace, HandleTable } from '../../src/abi/handles.ts';

function createTable(handlesMax = 2): HandleTable<{ name: string }> {
  return new HandleTable({ kind: 'request', firstHandle: 1, handlesMax });
}

function problemOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof HandleError) return `${error.problem}: ${error.message}`;
  }
  return 'none';
}

describe('HandleTable', () => {
  test('numbers from the first handle on', () => {
    const table = createTable();
    expect(table.add({ name: 'a' })).toBe(1);
    expect(table.add({ name: 'b' })).toBe(2);
    expect(table.get(1).name).toBe('a');
    expect([...table.values()].map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test.each([0, -1, 3, 1.5, Number.NaN])('does not know %s', (handle) => {
    const table = createTable();
    table.add({ name: 'a' });
    expect(problemOf(() => table.get(handle))).toBe(
      `unknown: Cannot find a request: no such handle: received ${handle}`,
    );
  });

  test('take and drop consume', () => {
    const table = createTable();
    const taken = table.add({ name: 'a' });
    const dropped = table.add({ name: 'b' });
    expect(table.take(taken).name).toBe('a');
    table.drop(dropped);
    for (const handle of [taken, dropped]) {
      expect(problemOf(() => table.take(handle))).toMatch(/^unknown/);
      expect(problemOf(() => table.drop(handle))).toMatch(/^unknown/);
    }
    expect(table.size).toBe(0);
  });

  test('never gives a number twice', () => {
    const table = createTable();
    table.drop(table.add({ name: 'a' }));
    expect(table.add({ name: 'b' })).toBe(2);
  });

  test('holds as many as its limit at once', () => {
    const table = createTable(2);
    const first = table.add({ name: 'a' });
    table.add({ name: 'b' });
    expect(problemOf(() => table.add({ name: 'c' }))).toBe(
      'full: Cannot open a request: at most 2 at once',
    );
    table.drop(first);
    expect(table.add({ name: 'c' })).toBe(3);
  });

  test('gives out no number that an i32 cannot hold', () => {
    const options = { kind: 'request', firstHandle: 0x7fff_ffff, handlesMax: 9 };
    const table = new HandleTable<object>(options);
    expect(table.add({})).toBe(0x7fff_ffff);
    expect(problemOf(() => table.add({}))).toMatch(/^full/);
  });
});

describe('numbers in common', () => {
  test('name objects of several kinds, each of them once', () => {
    const space = new HandleSpace({ firstHandle: 1, handlesMax: 3 });
    const bodies = space.open<{ readonly body: string }>('body');
    const requests = space.open<{ readonly request: string }>('pending request');
    const body = bodies.add({ body: 'a' });
    const request = requests.add({ request: 'b' });
    expect([body, request]).toEqual([1, 2]);
    expect(space.get(body)).toEqual({ body: 'a' });
    expect(space.get(request)).toEqual({ request: 'b' });
    expect(() => bodies.get(request)).toThrow('Cannot find a body: no such handle: received 2');
    bodies.drop(body);
    expect(() => space.get(body)).toThrow('Cannot find what it names');
    expect(requests.add({ request: 'c' })).toBe(3);
  });

  test('are limited together', () => {
    const space = new HandleSpace({ firstHandle: 0, handlesMax: 2 });
    const bodies = space.open('body');
    const requests = space.open('pending request');
    bodies.add({});
    requests.add({});
    expect(() => bodies.add({})).toThrow('Cannot open a body: at most 2 at once');
    requests.drop(1);
    expect(bodies.add({})).toBe(2);
  });

  test('are on the account of the run once there are many, and refused without memory', () => {
    let left = 2 * 64 * 512;
    const tryHoldObjects = (bytes: number): boolean => {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    };
    const holder = { tryHoldObjects };
    const space = new HandleSpace({ firstHandle: 0, handlesMax: 1_000, holder });
    const bodies = space.open('body');
    for (let count = 0; count < 3 * 64; count += 1) bodies.add({});
    expect(left).toBe(0);
    expect(() => bodies.add({})).toThrow('Cannot open a body: there must be memory for it');
    bodies.drop(0);
    expect(bodies.add({})).toBe(3 * 64);
  });
});
