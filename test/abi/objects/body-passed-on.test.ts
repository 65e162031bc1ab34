/** Bodies that are passed on while a piece of them is on its way to somebody who waits. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Body, type BodyOptions } from '../../../src/abi/objects/body.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';
import type { ReadBody } from '../../../src/http/body.ts';
import { BodyQueue } from '../../../src/http/body-queue.ts';

const utf8 = new TextEncoder();
const mib = 1024 * 1024;

/** What the owner's account holds. */
let accountBytes = 0;
let options: BodyOptions;

beforeEach(() => {
  accountBytes = 0;
  const hostMemory = {
    tryHoldObjects: () => true,
    tryHold: (bytes: number) => {
      accountBytes += bytes;
      return true;
    },
    release: (bytes: number) => {
      accountBytes -= bytes;
    },
  };
  const held = new HeldForRun(hostMemory, mib);
  options = { held, headerLimits: { linesMax: 2, bytesMax: 100 } };
});

function arriving() {
  const told = { cancels: 0 };
  const onCancel = (): void => {
    told.cancels += 1;
  };
  const queue = new BodyQueue({ windowBytesMax: mib, onCancel });
  return { queue, told, body: Body.of(queue, options) };
}

async function readAll(body: ReadBody): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

describe('a body that somebody waits for', () => {
  test('loses nothing where it is appended meanwhile', async () => {
    const { queue, body } = arriving();
    const waiting = body.whenReady();
    const other = new Body(options);
    other.write(utf8.encode('before '));
    other.append(body);
    queue.push(utf8.encode('one '));
    await waiting;
    queue.push(utf8.encode('two'));
    queue.end();
    expect(await readAll(other.handOver())).toBe('before one two');
    expect(accountBytes).toBe(0);
  });

  test('loses nothing where it is handed over meanwhile', async () => {
    const { queue, body } = arriving();
    const waiting = body.whenReady();
    const taken = body.handOver();
    queue.push(utf8.encode('one '));
    await waiting;
    queue.push(utf8.encode('two'));
    queue.end();
    expect(await readAll(taken)).toBe('one two');
    expect(accountBytes).toBe(0);
  });

  test('is given up where nobody wants it any more', async () => {
    const { queue, told, body } = arriving();
    const waiting = body.whenReady();
    const other = new Body(options);
    other.append(body);
    other.close();
    queue.push(utf8.encode('one'));
    await waiting;
    expect(told.cancels).toBe(1);
    expect(accountBytes).toBe(0);
  });
});

test('a body with a part that came from elsewhere, and is here, is taken in one piece', () => {
  let cancels = 0;
  const here = (whole: Uint8Array | undefined): ReadBody => ({
    ...{ knownBytes: 2, whole, read: () => Promise.resolve(undefined) },
    cancel: () => {
      cancels += 1;
    },
  });
  const bodyWith = (whole: Uint8Array | undefined): Body => {
    const body = new Body(options);
    body.write(utf8.encode('a'));
    body.append(Body.of(here(whole), options));
    return body;
  };
  expect(Buffer.from(bodyWith(utf8.encode('bc')).takeWhole() ?? []).toString()).toBe('abc');
  expect([cancels, accountBytes]).toEqual([1, 0]);
  const later = bodyWith(undefined);
  expect(later.takeWhole()).toBeUndefined();
  expect([later.isReady, cancels]).toEqual([true, 1]);
});
