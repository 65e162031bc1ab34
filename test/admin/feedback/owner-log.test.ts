import { describe, expect, test } from 'vitest';
import { describeLine, OwnerLogs } from '../../../src/admin/feedback/owner-log.ts';
import { createLogRing, LogRing, LogRingInput } from '../../../src/journal/log-ring.ts';
import type { FolderKey } from '../../../src/names.ts';

const mine = '/keybase/private/alice' as FolderKey;
const time = '2026-01-02T03:04:05.000Z';
const request = {
  ...{
    level: 'warn',
    time,
    id: 'a-1',
    method: 'GET',
    path: '/x.wasm',
    status: 500,
    msg: 'request',
  },
  ...{ outcome: 'trapped', folderKey: mine, modulePath: 'x.wasm', clientAddress: '192.0.2.1' },
};

describe('a line for an owner', () => {
  test('tells a failed request, and not who sent it', () => {
    const line = describeLine({ ...request, errorCode: 'trapped', errorDetail: 'unreachable' });
    expect(line).toBe(`${time}  a-1  x.wasm  trapped  GET /x.wasm 500: unreachable\n`);
  });

  test('tells what a function said, and what became of a deploy', () => {
    const said = { level: 'info', time, folderKey: mine, modulePath: 'x.wasm', requestId: 'a-2' };
    expect(describeLine({ ...said, msg: 'hello' })).toBe(`${time}  a-2  x.wasm  said  hello\n`);
    const event = { level: 'warn', time, event: 'module-refused', folderKey: mine };
    expect(describeLine({ ...event, msg: 'module refused', reason: 'too large' })).toBe(
      `${time}  -  -  warn  module refused: too large\n`,
    );
  });

  test.each([
    { ...request, outcome: 'replied', status: 200 },
    { ...request, outcome: 'file', modulePath: undefined },
    { ...request, level: 'trace' },
  ])('leaves out what is no news: %j', (line) => {
    expect(describeLine(line)).toBeUndefined();
  });

  test('lets nobody write a second line, or command a terminal', () => {
    const line = describeLine({ ...request, errorCode: 'x', path: '/\n2026 \u001b[31m\u202e' });
    expect(line?.match(/\n/g)).toHaveLength(1);
    for (const control of ['\u001b', '\u202e']) expect(line).not.toContain(control);
  });
});

describe('the lines of folders', () => {
  const put = (ring: SharedArrayBuffer, ...lines: readonly object[]): void =>
    new LogRingInput(ring).put(
      Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
    );

  test('go to the folder that they are of, once, and to nobody else', async () => {
    const ring = createLogRing(1024 * 1024);
    const logs = new OwnerLogs(new LogRing(ring));
    const failed = { ...request, errorCode: 'trapped' };
    put(ring, failed, { ...failed, folderKey: '/keybase/private/bob' });
    // A path that looks like the key of another folder.
    put(ring, { ...failed, path: '/"folderKey":"/keybase/private/bob"' });
    await logs.read(new Set([mine]));
    expect(logs.take(mine).split('\n')).toHaveLength(3);
    expect(logs.take(mine)).toBe('');
    expect(logs.take('/keybase/private/bob' as FolderKey)).toBe('');
  });

  test('are no more than a file holds, and those left out are counted', async () => {
    const ring = createLogRing(8 * 1024 * 1024);
    const logs = new OwnerLogs(new LogRing(ring));
    const long = { ...request, errorCode: 'trapped', errorDetail: 'x'.repeat(1_900) };
    put(ring, ...Array.from({ length: 300 }, () => long));
    await logs.read(new Set([mine]));
    const text = logs.take(mine);
    expect(text.length).toBeLessThan(257 * 1024);
    expect(text).toMatch(/\(\d+ more lines? left out\)\n$/);
  });
});
