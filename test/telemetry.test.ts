import { describe, expect, it } from 'vitest';
import { BatchedLines, createLogger, RequestLog, type RequestRecord } from '../src/telemetry.ts';

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
};

function linesOf(level: 'info' | 'warn', ...records: RequestRecord[]): Record<string, unknown>[] {
  const lines: string[] = [];
  const sink = { write: (line: string) => lines.push(line) };
  const log = new RequestLog(createLogger(level, sink), sink);
  for (const one of records) log.write(one);
  for (const line of lines) expect(line.endsWith('}\n')).toBe(true);
  return lines.map((line) => JSON.parse(line));
}

/** As pino's own encoder would have it: undefined fields are left out. */
const known = (one: RequestRecord): unknown => JSON.parse(JSON.stringify(one));

describe('RequestLog', () => {
  it('writes all that is known of a request', () => {
    const [line] = linesOf('info', record);
    const { level, time, msg, ...fields } = line ?? {};
    expect({ level, msg }).toEqual({ level: 'info', msg: 'request' });
    expect(Date.parse(String(time))).toBeGreaterThan(0);
    expect(fields).toEqual(known(record));
  });

  it('writes a file without what only a run has', () => {
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

  it('tells places apart, however they follow each other', () => {
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

  it.each(['"}{', 'a\\b', 'ü\u2028', '\u0000\u001b[31m\n', '\ud800'])('escapes %j', (text) => {
    const strange = { ...record, path: text, hostName: text, method: text, folderKey: text };
    expect(linesOf('info', strange)[0]).toMatchObject({
      path: text,
      hostName: text,
      method: text,
      folderKey: text,
    });
  });

  it('gives failures the level of whose fault they are', () => {
    const failures = (['not-found', 'module-refused', 'dns-failed', 'internal'] as const).map(
      (errorCode): RequestRecord => ({ ...record, errorCode, errorDetail: 'why' }),
    );
    const lines = linesOf('info', ...failures);
    expect(lines.map(({ level }) => level)).toEqual(['info', 'warn', 'warn', 'error']);
    expect(lines[0]).toMatchObject({ errorCode: 'not-found', errorDetail: 'why' });
  });

  it('keeps quiet below the level', () => {
    expect(linesOf('warn', record)).toEqual([]);
  });
});

describe('BatchedLines', () => {
  it('hands lines on when they are many, and when they are flushed', () => {
    const batches: string[] = [];
    const lines = new BatchedLines((batch) => batches.push(batch), {
      batchCharsMax: 6,
      delayMs: 60_000,
    });
    lines.write('one\n');
    expect(batches).toEqual([]);
    lines.write('two\n');
    expect(batches).toEqual(['one\ntwo\n']);
    lines.write('three');
    lines.flush();
    lines.flush();
    expect(batches).toEqual(['one\ntwo\n', 'three']);
  });

  it('hands lines on after the delay', async () => {
    await new Promise<void>((resolve) => {
      new BatchedLines(() => resolve(), { batchCharsMax: 100, delayMs: 1 }).write('one\n');
    });
  });
});
