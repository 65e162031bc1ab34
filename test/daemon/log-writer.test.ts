import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogWriter } from '../../src/daemon/log-writer.ts';
import { LogQueueInput, LogQueueOutput } from '../../src/journal/log-queue.ts';
import { waitFor } from '../support/daemon.ts';

const usual = { syslog: 'no', accessFile: undefined, accessFormat: 'combined' } as const;
const log = { level: 'info', format: 'json', color: false, ...usual } as const;
const QUEUE_BYTES = 64 * 1024;
/** What a pipe of Linux holds. */
const PIPE_BYTES = 64 * 1024;

describe('LogWriter', () => {
  let directory = '';
  const open = new Set<number>();
  const opened = (fd: number): number => {
    open.add(fd);
    return fd;
  };

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'terrafirma-log-'));
  });
  afterEach(() => {
    for (const fd of open) closeSync(fd);
    open.clear();
    rmSync(directory, { recursive: true, force: true });
  });

  function startWriter(fd: number, troubles: string[] = []): LogWriter {
    return new LogWriter({
      ...{ log, threads: 2, stream: { fd, isTTY: false } },
      limits: { logQueueBytesMax: QUEUE_BYTES, logRingBytesMax: QUEUE_BYTES },
      onTrouble: (detail) => troubles.push(detail),
    });
  }

  /** Both ends of a pipe; nothing is read unless the test reads it. */
  function openPipe(): { readonly reading: number; readonly writing: number } {
    const file = path.join(directory, 'pipe');
    execFileSync('mkfifo', [file]);
    const reading = opened(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK));
    return { reading, writing: opened(openSync(file, 'w')) };
  }

  function readAvailable(fd: number): string {
    const bytes = Buffer.alloc(1024 * 1024);
    let length = 0;
    try {
      for (;;) {
        const more = readSync(fd, bytes, length, bytes.length - length, null);
        if (more === 0) return bytes.toString('utf8', 0, length);
        length += more;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      return bytes.toString('utf8', 0, length);
    }
  }

  test('writes the lines of all threads, each in order, and all of them at the end', async () => {
    const file = path.join(directory, 'log');
    const writer = startWriter(opened(openSync(file, 'w')));
    const inputs = [writer.queue, writer.queueOf(0), writer.queueOf(1)].map(
      (memory) => new LogQueueInput(memory),
    );
    for (let count = 0; count < 500; count += 1) {
      for (const [index, input] of inputs.entries()) input.put(`${index} ${count}\n`, false);
    }
    await writer.close(60_000);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    for (const index of inputs.keys()) {
      const own = lines.filter((line) => line.startsWith(`${index} `));
      expect(own).toEqual(Array.from({ length: 500 }, (_, count) => `${index} ${count}`));
    }
    expect(lines).toHaveLength(1_500);
  });

  test('waits for a reader that stands still, and keeps nobody else waiting', async () => {
    const { reading, writing } = openPipe();
    const writer = startWriter(writing);
    const input = new LogQueueInput(writer.queueOf(0));
    const line = `${'x'.repeat(999)}\n`;
    // More than the pipe and the queue hold: some must be refused, and none may block.
    let written = 0;
    await waitFor(() => {
      for (;;) {
        if (input.put(line, false) === 0) break;
        written += 1;
      }
      return written * 1_000 > PIPE_BYTES + QUEUE_BYTES * 0.7 ? true : undefined;
    });
    let text = '';
    await waitFor(() => {
      text += readAvailable(reading);
      return text.length >= written * 1_000 ? true : undefined;
    });
    expect(text).toBe(line.repeat(written));
    await writer.close(60_000);
  });

  test('ends in spite of a reader that stands still', async () => {
    const { writing } = openPipe();
    const writer = startWriter(writing);
    const input = new LogQueueInput(writer.queue);
    const output = new LogQueueOutput(writer.queue);
    const line = `${'x'.repeat(999)}\n`;
    let written = 0;
    await waitFor(() => {
      while (input.put(line, false) !== 0) written += line.length;
      // The pipe (64 KiB) is full, and so is the queue but for what is kept for important lines.
      return written > PIPE_BYTES + QUEUE_BYTES * 0.7 ? true : undefined;
    });
    await writer.close(50);
    expect(output.isEmpty).toBe(false);
  });

  test('survives a reader that goes away', async () => {
    const { reading, writing } = openPipe();
    const troubles: string[] = [];
    const writer = startWriter(writing, troubles);
    const input = new LogQueueInput(writer.queue);
    const output = new LogQueueOutput(writer.queue);
    open.delete(reading);
    closeSync(reading);
    for (let count = 0; count < 200; count += 1) {
      await waitFor(() => (input.put(`${'x'.repeat(999)}\n`, false) > 0 ? true : undefined));
    }
    await waitFor(() => (output.isEmpty ? true : undefined));
    await writer.close(60_000);
    expect(troubles).toEqual([]);
  });

  test('is replaced when it crashes, and loses nothing', async () => {
    const file = path.join(directory, 'log');
    closeSync(openSync(file, 'w'));
    const troubles: string[] = [];
    const writer = startWriter(opened(openSync(file, 'r')), troubles);
    new LogQueueInput(writer.queue).put('one\n', false);
    await waitFor(() => (troubles.length > 1 ? true : undefined));
    expect(troubles[0]).toMatch(/EBADF/);
    expect(Buffer.from(new LogQueueOutput(writer.queue).peek(100)).toString()).toBe('one\n');
    await writer.close(60_000);
  });
});
