import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const file = path.join(import.meta.dirname, '..', 'systemd', 'terrafirma.service');
const lines = readFileSync(file, 'utf8').split('\n');
const settings = lines.filter((line) => /^[A-Z]\w+=/.test(line));
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

test('what breaks V8 is not set', () => {
  expect(settings.filter((line) => /^(MemoryDenyWriteExecute|LimitAS)=/.test(line))).toEqual([]);
});

test('every setting of the service stands in a paragraph whose comment says why', () => {
  const service = lines.slice(lines.indexOf('[Service]') + 1, lines.indexOf('[Install]'));
  const unexplained = service.filter((line, index) => {
    if (!/^[A-Z]\w+=/.test(line)) return false;
    const before = service.slice(0, index);
    const paragraph = before.slice(before.lastIndexOf('') + 1);
    return !paragraph.some((earlier) => earlier.startsWith('#'));
  });
  expect(unexplained).toEqual([]);
});

test.skipIf(!hasAnalyze)('systemd finds no fault (skipped without systemd-analyze)', () => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
