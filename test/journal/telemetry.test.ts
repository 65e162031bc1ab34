import { describe, expect, test } from 'vitest';
import { createCounterPage, ThreadCounters } from '../../src/journal/counters.ts';
import { logReader, openJournal } from '../../src/journal/journal.ts';
import { LogChannel } from '../../src/journal/log-channel.ts';
import { createLogQueues, LogQueueOutput } from '../../src/journal/log-queue.ts';
import type { RequestRecord } from '../../src/journal/request-record.ts';
import { createLogger, RequestLog, tellLosses } from '../../src/journal/telemetry.ts';

const record: RequestRecord = {
  id: 'id-1',
  method: 'GET',
  hostName: 'example.com',
  path: '/hello.wasm',
  clientAddress: '192.0.2.1',
  status: 200,
  bytesReceived: 0,
  bytesSent: 6,
  outcome: 'replied',
  folderKey: '/keybase/private/alice,bot',
  modulePath: 'hello.wasm',
  digest: 'd'.repeat(64),
  abi: 'terrarium',
  cpuUs: 21,
  wallUs: 60,
  memoryBytes: 65_536,
  errorCode: undefined,
  errorDetail: undefined,
  visitor: undefined,
  traceId: undefined,
  counterRow: 0,
};

const KIB = 1024;
const limits = {
  logBytesPerOwnerPerMinuteMax: 64 * KIB,
  logBytesPerSitePerMinuteMax: 64 * KIB,
  logBytesPerClientPerMinuteMax: 64 * KIB,
};

/** A thread's log, and what the writer would find in its queue. */
function openLog(level: 'info' | 'warn', shares = limits) {
  const [memory] = createLogQueues(1, 256 * KIB);
  if (memory === undefined) throw new TypeError('Cannot test: there is no queue');
  const channel = new LogChannel(memory, shares);
  const logger = createLogger(level, channel.own);
  const output = new LogQueueOutput(memory);
  const takeLines = (): Record<string, unknown>[] => {
    const bytes = output.peek(256 * KIB);
    output.release(bytes.length);
    const lines = Buffer.from(bytes).toString().split('\n');
    expect(lines.pop()).toBe('');
    return lines.map((line) => JSON.parse(line));
  };
  return {
    log: new RequestLog(logger, channel, new ThreadCounters(createCounterPage(1))),
    logger,
    channel,
    takeLines,
  };
}

function linesOf(level: 'info' | 'warn', ...records: RequestRecord[]): Record<string, unknown>[] {
  const { log, takeLines } = openLog(level);
  for (const one of records) log.write(one);
  return takeLines();
}

/** As pino's own encoder would have it: undefined fields are left out. Rows are for counters. */
const known = ({ counterRow: _, ...one }: RequestRecord): unknown =>
  JSON.parse(JSON.stringify(one));

describe('RequestLog', () => {
  test('writes all that is known of a request', () => {
    const [line] = linesOf('info', record);
    const { level, time, msg, ...fields } = line ?? {};
    expect({ level, msg }).toEqual({ level: 'info', msg: 'request' });
    expect(Date.parse(String(time))).toBeGreaterThan(0);
    expect(fields).toEqual(known(record));
  });

  test('writes a file without what only a run has', () => {
    const { modulePath, digest, abi, cpuUs, memoryBytes, ...rest } = record;
    const file: RequestRecord = {
      ...rest,
      modulePath: undefined,
      digest: undefined,
      abi: undefined,
      cpuUs: undefined,
      memoryBytes: undefined,
      outcome: 'file',
    };
    expect(linesOf('info', file)[0]).toMatchObject(known(file) as object);
  });

  test('tells places apart, however they follow each other', () => {
    const places: RequestRecord[] = [
      record,
      { ...record, folderKey: '/keybase/private/bob,bot' },
      { ...record, modulePath: 'other.wasm' },
      { ...record, digest: 'e'.repeat(64) },
      { ...record, modulePath: undefined, digest: undefined, abi: undefined, outcome: 'file' },
      { ...record, folderKey: undefined, modulePath: undefined, digest: undefined, abi: undefined },
      record,
      record,
    ];
    const lines = linesOf('info', ...places);
    expect(lines.map(({ level: _, time: __, msg: ___, ...fields }) => fields)).toEqual(
      places.map(known),
    );
  });

  test.each(['"}{', 'a\\b', 'ü\u2028', '\u0000\u001b[31m\n', '\ud800'])('escapes %j', (text) => {
    const strange = { ...record, path: text, hostName: text, method: text, folderKey: text };
    expect(linesOf('info', strange)[0]).toMatchObject({
      path: text,
      hostName: text,
      method: text,
      folderKey: text,
    });
  });

  test('gives failures the level of whose fault they are', () => {
    const failures = (['not-found', 'module-refused', 'dns-failed', 'internal'] as const).map(
      (errorCode): RequestRecord => ({ ...record, errorCode, errorDetail: 'why' }),
    );
    const lines = linesOf('info', ...failures);
    expect(lines.map(({ level }) => level)).toEqual(['info', 'warn', 'warn', 'error']);
    expect(lines[0]).toMatchObject({ errorCode: 'not-found', errorDetail: 'why' });
  });

  test('cuts what others chose, and says how long it was', () => {
    const long = 'x'.repeat(8_000);
    const cut = `${'x'.repeat(200)}… (8000 characters)`;
    const strange = { ...record, method: long, path: long, folderKey: long, modulePath: long };
    const [line] = linesOf('info', strange);
    expect(line).toMatchObject({ method: cut, path: cut, folderKey: cut, modulePath: cut });
    const whole = { ...record, path: 'x'.repeat(200), hostName: 'h'.repeat(253) };
    expect(linesOf('info', whole)[0]).toMatchObject(known(whole) as object);
    const failed = { ...record, errorCode: 'internal', errorDetail: long } as const;
    expect(String(linesOf('info', failed)[0]?.errorDetail)).toHaveLength(2_019);
  });

  test('keeps quiet below the level', () => {
    expect(linesOf('warn', record)).toEqual([]);
  });
});

describe('the lines of guests', () => {
  const tag = { folderKey: '/keybase/private/alice,bot', modulePath: 'a.wasm', requestId: 'id-1' };

  test('carry whose they are', () => {
    const { log, takeLines } = openLog('info');
    log.writeOfGuest('warn', 'say "hello" – ü', tag);
    const [line] = takeLines();
    expect(line).toEqual({
      level: 'warn',
      time: expect.any(String),
      ...tag,
      msg: 'say "hello" – ü',
    });
  });

  test('are dropped beyond the share of their site and of the client, and that is told', () => {
    const { channel, log, logger, takeLines } = openLog('info', {
      ...limits,
      logBytesPerClientPerMinuteMax: 1_000,
      logBytesPerSitePerMinuteMax: 3_000,
    });
    const flood = (clientAddress: string): number => {
      for (let count = 0; count < 100; count += 1) {
        log.writeOfGuest('info', 'x'.repeat(100), { ...tag, clientAddress });
      }
      return takeLines().length;
    };
    const ofOne = flood('192.0.2.1');
    expect(ofOne).toBeGreaterThan(3);
    expect(ofOne).toBeLessThan(10);
    expect(flood('192.0.2.2')).toBe(ofOne);
    expect(flood('192.0.2.3')).toBeGreaterThan(0);
    expect(flood('192.0.2.4')).toBe(0);
    // The daemon's own lines, and those of other sites, are written all the same.
    logger.info('own');
    log.write({ ...record, folderKey: '/keybase/private/bob,bot', clientAddress: '192.0.2.9' });
    expect(takeLines().map(({ msg }) => msg)).toEqual(['own', 'request']);
    const journal = openJournal(logReader(logger));
    tellLosses(journal, channel);
    tellLosses(journal, channel);
    expect(takeLines()).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'log lines dropped',
        withoutRoom: 0,
        sites: [expect.stringContaining('/keybase/private/alice,bot: ')],
        clients: expect.arrayContaining([`192.0.2.1: ${100 - ofOne}`]),
      }),
    ]);
  });
});

describe('the daemon’s own lines', () => {
  test('have room where guests and visitors have filled the queue', () => {
    const { log, logger, takeLines } = openLog('info', {
      logBytesPerOwnerPerMinuteMax: 10 ** 9,
      logBytesPerSitePerMinuteMax: 10 ** 9,
      logBytesPerClientPerMinuteMax: 10 ** 9,
    });
    for (let count = 0; count < 2_000; count += 1) log.write(record);
    logger.info('not important'.repeat(40));
    logger.warn('important');
    logger.warn({ folderKey: '/keybase/private/alice,bot' }, 'file not served'.repeat(40));
    logger.error({ folderKey: '/keybase/private/alice,bot' }, 'important, of a folder');
    const words = takeLines().map(({ msg }) => msg);
    expect(words.length).toBeLessThan(2_000);
    expect(words.filter((word) => word !== 'request')).toEqual([
      'important',
      'important, of a folder',
    ]);
  });

  test('of a folder count to the share of its owner', () => {
    const { logger, takeLines } = openLog('info', { ...limits, logBytesPerSitePerMinuteMax: 500 });
    for (let count = 0; count < 100; count += 1) {
      logger.warn({ folderKey: '/a/one', path: 'x.wasm' }, 'file not served');
    }
    expect(takeLines().length).toBeLessThan(10);
    logger.warn({ folderKey: '/a/two', path: 'x.wasm' }, 'file not served');
    expect(takeLines()).toHaveLength(1);
  });

  test('are cut, too', () => {
    const { logger, takeLines } = openLog('info');
    logger.warn({ path: 'p'.repeat(5_000), reason: 'r'.repeat(5_000), count: 3 }, 'told');
    const [line] = takeLines();
    expect(String(line?.path)).toHaveLength(219);
    expect(String(line?.reason)).toHaveLength(2_019);
    expect(line?.count).toBe(3);
  });
});
