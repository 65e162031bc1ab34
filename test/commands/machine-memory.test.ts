import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { machineMemoryBytes } from '../../src/commands/machine-memory.ts';

const gib = 1024 ** 3;
let root: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'terrafirma-memory-'));
});

afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text: string): void {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

test('is what the machine has where nothing limits it', () => {
  expect(machineMemoryBytes(root, 8 * gib)).toBe(8 * gib);
  write('proc/self/cgroup', '0::/system.slice/terrafirma.service\n');
  write('sys/fs/cgroup/system.slice/terrafirma.service/memory.max', 'max\n');
  expect(machineMemoryBytes(root, 8 * gib)).toBe(8 * gib);
});

test('is what the control group allows, or a group above it', () => {
  write('proc/self/cgroup', '0::/system.slice/terrafirma.service\n');
  write('sys/fs/cgroup/system.slice/terrafirma.service/memory.max', `${2 * gib}\n`);
  expect(machineMemoryBytes(root, 8 * gib)).toBe(2 * gib);
  write('sys/fs/cgroup/system.slice/memory.max', `${gib}\n`);
  expect(machineMemoryBytes(root, 8 * gib)).toBe(gib);
});

test('knows the first generation, and a container that cannot see its own group', () => {
  write('proc/self/cgroup', '9:cpu,cpuacct:/x\n4:memory:/docker/abc:def\n1:name=systemd:/\n');
  write('sys/fs/cgroup/memory/memory.limit_in_bytes', `${3 * gib}\n`);
  expect(machineMemoryBytes(root, 8 * gib)).toBe(3 * gib);
  write('sys/fs/cgroup/memory/docker/abc:def/memory.limit_in_bytes', '9223372036854771712\n');
  expect(machineMemoryBytes(root, 8 * gib)).toBe(3 * gib);
});
