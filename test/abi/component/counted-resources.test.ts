/** What a component makes the host keep by its resources counts as memory of its run. */
import { describe, expect, test } from 'vitest';
import {
  Fields,
  fieldFunctions,
  fieldFunctions03,
} from '../../../src/abi/component/http-fields.ts';
import { OutgoingRequest, outgoingFunctions } from '../../../src/abi/component/http-outgoing.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';
import { defaultLimits } from '../../../src/config/config.ts';

const bytesMax = 65_536;
const long = Buffer.alloc(20_000, 'v');

function open(functions: typeof fieldFunctions = { ...fieldFunctions, ...outgoingFunctions }) {
  const held = new HeldForRun(undefined, bytesMax);
  const trap = (reason: string): never => {
    throw new Error(`trap: ${reason}`);
  };
  const guest = { run: { held, limits: defaultLimits }, trap };
  const call = (name: string, ...args: unknown[]): unknown => {
    const bound = functions[name]?.bind(guest as never) as (...given: unknown[]) => unknown;
    return bound(...args);
  };
  const filled = (): Fields => {
    const fields = call('[constructor]fields') as Fields;
    expect(call('[method]fields.append', fields, 'x-long', long)).toMatchObject({ tag: 0 });
    return fields;
  };
  return { call, filled, held };
}

describe('fields', () => {
  test('are held, and given back when they are dropped', () => {
    const { filled, held } = open();
    const all = [filled(), filled(), filled()];
    expect(held.bytes).toBeGreaterThan(59_000);
    expect(() => filled()).toThrow(/trap: .*hold at most/);
    for (const fields of all) fields.drop();
    for (const fields of all) fields.drop();
    expect(held.bytes).toBeLessThan(21_000);
  });

  test('of 0.3 are too much by their own error, and stay as they were', () => {
    const { call, filled, held } = open(fieldFunctions03);
    const [one] = [filled(), filled(), filled()];
    const before = held.bytes;
    const fields = call('[constructor]fields') as Fields;
    const tooMuch = { tag: 1, value: { tag: 3 } };
    expect(call('[method]fields.append', fields, 'x-a', long)).toMatchObject(tooMuch);
    expect(call('[method]fields.set', fields, 'x-a', [long])).toMatchObject(tooMuch);
    expect(call('[static]fields.from-list', [['x-a', long]])).toMatchObject(tooMuch);
    expect([call('[method]fields.has', fields, 'x-a'), held.bytes]).toEqual([false, before]);
    expect(call('[method]fields.set', one, 'x-long', [])).toMatchObject({ tag: 0 });
    expect(held.bytes).toBeLessThan(before - 19_000);
  });

  test('count as copies, too', () => {
    const { call, filled } = open();
    const fields = filled();
    call('[method]fields.clone', fields);
    call('[method]fields.clone', fields);
    expect(() => call('[method]fields.clone', fields)).toThrow('trap: ');
  });
});

describe('a request', () => {
  test('takes no path, authority or scheme without end', () => {
    const { call } = open();
    const request = new OutgoingRequest(new Fields({} as never));
    const set = (what: string, value: unknown): number =>
      (call(`[method]outgoing-request.set-${what}`, request, value) as { tag: number }).tag;
    expect([set('path-with-query', `/${'p'.repeat(8_191)}`), set('authority', 'a.b')]).toEqual([
      0, 0,
    ]);
    expect(set('path-with-query', `/${'p'.repeat(8_192)}`)).toBe(1);
    expect(set('authority', 'a'.repeat(1_025))).toBe(1);
    expect(set('scheme', { tag: 2, value: 'a'.repeat(65) })).toBe(1);
    expect(set('method', { tag: 9, value: 'a'.repeat(1_025) })).toBe(1);
  });

  test('holds its path, and what its fields hold, until it is dropped', () => {
    const { call, filled, held } = open();
    const request = new OutgoingRequest(filled());
    const path = `/${'p'.repeat(8_000)}`;
    call('[method]outgoing-request.set-path-with-query', request, path);
    expect(held.bytes).toBeGreaterThan(27_000);
    const copy = call('[method]outgoing-request.headers', request) as Fields;
    expect(() => call('[method]outgoing-request.headers', request)).toThrow('trap: ');
    copy.drop();
    request.drop();
    expect(held.bytes).toBe(0);
  });
});
