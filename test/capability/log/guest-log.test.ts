import { describe, expect, test } from 'vitest';
import { type GuestLogTag, RunLog } from '../../../src/capability/log/guest-log.ts';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';

const tag: GuestLogTag = {
  folderKey: '/keybase/public/alice' as FolderKey,
  modulePath: 'a.wasm' as ModulePath,
  requestId: 'r1',
};

interface OpenLog {
  readonly log: RunLog;
  readonly lines: string[];
}

function open(limits: Partial<Limits> = {}): OpenLog {
  const lines: string[] = [];
  const log = new RunLog((level, message) => lines.push(`${level} ${message}`), {
    tag,
    limits: { ...defaultLimits, ...limits },
  });
  return { log, lines };
}

describe('the guest log', () => {
  test('hands on level, message and whose words they are', () => {
    const calls: unknown[] = [];
    const log = new RunLog((...call) => calls.push(call), { tag, limits: defaultLimits });
    log.write('error', 'sorry');
    expect(calls).toEqual([['error', 'sorry', tag]]);
  });

  test('line ends split, one at the end does not make an empty line', () => {
    const { log, lines } = open();
    log.write('info', 'a\nb\r\nc\rd\n');
    log.write('info', '');
    expect(lines).toEqual(['info a', 'info b', 'info c', 'info d', 'info ']);
  });

  test.each([
    ['\x1b[31mred', '\\u{1b}[31mred'],
    ['a\0b', 'a\\u{0}b'],
    ['\x07\x7f\x9b', '\\u{7}\\u{7f}\\u{9b}'],
    ['a\u2028b', 'a\\u{2028}b'],
    ['\u202egnp', '\\u{202e}gnp'],
    ['tab\tand ünïcode 🌍', 'tab\tand ünïcode 🌍'],
  ])('%j is written as %s', (message, written) => {
    const { log, lines } = open();
    log.write('info', message);
    expect(lines).toEqual([`info ${written}`]);
  });

  test('logLinesPerRunMax: the line after the last says so, and then nothing comes', () => {
    const { log, lines } = open({ logLinesPerRunMax: 2 });
    log.write('info', 'a\nb');
    expect(lines).toEqual(['info a', 'info b']);
    log.write('info', 'c\nd');
    log.write('error', 'e');
    expect(lines).toEqual(['info a', 'info b', expect.stringMatching(/^warn … cut: .* 2 lines/)]);
  });

  test('logBytesPerRunMax counts UTF-8 bytes as written and cuts no character', () => {
    const { log, lines } = open({ logBytesPerRunMax: 6 });
    log.write('info', 'ab');
    log.write('info', 'ü🌍');
    log.write('info', 'more');
    expect(lines).toEqual(['info ab', 'info ü', expect.stringMatching(/^warn … cut: .* 6 bytes/)]);
  });

  test('exactly logBytesPerRunMax is not cut until more comes', () => {
    const { log, lines } = open({ logBytesPerRunMax: 4 });
    log.write('info', 'four');
    expect(lines).toEqual(['info four']);
    log.write('info', 'x');
    expect(lines).toHaveLength(2);
  });

  test('escapes count too: a guest cannot grow the log sixfold', () => {
    const { log, lines } = open({ logBytesPerRunMax: 100 });
    log.write('info', '\x01'.repeat(1_000));
    expect(lines[0]?.length).toBe('info '.length + 100);
    expect(lines).toHaveLength(2);
  });

  test('traceLinesPerRunMax: so many hostcalls are told, then that there are more', () => {
    const { log, lines } = open({ traceLinesPerRunMax: 2, logLinesPerRunMax: 1 });
    expect([log.trace('a'), log.trace('b\u001b'), log.trace('c'), log.trace('d')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    log.write('info', 'its own');
    expect(lines).toEqual([
      'trace a',
      'trace b\\u{1b}',
      'trace … cut: trace_lines_per_run_max: 2 hostcalls are told',
      'info its own',
    ]);
  });
});
