import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  createLogQueues,
  LogBell,
  LogQueueInput,
  type LogQueueMemory,
  LogQueueOutput,
} from '../../src/journal/log-queue.ts';

const CAPACITY = 800;

function openQueue(): { input: LogQueueInput; output: LogQueueOutput; memory: LogQueueMemory } {
  const [memory] = createLogQueues(1, CAPACITY);
  if (memory === undefined) throw new TypeError('Cannot test: there is no queue');
  return { input: new LogQueueInput(memory), output: new LogQueueOutput(memory), memory };
}

function take(output: LogQueueOutput, bytesMax = CAPACITY): string {
  const seen = Buffer.from(output.view(bytesMax)).toString();
  const bytes = output.peek(bytesMax);
  output.release(bytes.length);
  const taken = Buffer.from(bytes).toString();
  expect(seen).toBe(taken);
  return taken;
}

describe('a queue of log lines', () => {
  test('gives lines whole and in order, however often it goes round', () => {
    const { input, output } = openQueue();
    for (let round = 0; round < 2_000; round += 1) {
      const lines = [
        `${round} ${'a'.repeat(round % 97)}\n`,
        `${round} ${'ü€😀'.repeat(round % 9)}\n`,
      ];
      for (const line of lines) expect(input.put(line, false)).toBe(Buffer.byteLength(line));
      expect(take(output)).toBe(lines.join(''));
      expect(output.isEmpty).toBe(true);
    }
  });

  test('refuses what has no room, and keeps an eighth for important lines', () => {
    const { input, output } = openQueue();
    const line = `${'x'.repeat(99)}\n`;
    for (let count = 0; count < 7; count += 1) expect(input.put(line, false)).toBe(100);
    expect(input.put(line, false)).toBe(0);
    expect(input.hasRoom(100)).toBe(true);
    expect(input.put(line, true)).toBe(100);
    expect(input.put('\n', true)).toBe(0);
    expect(input.hasRoom(1)).toBe(false);
    expect(take(output)).toBe(line.repeat(8));
    expect(input.put(line, false)).toBe(100);
  });

  test('never gives half a line, whatever the writer asks for', () => {
    const { input, output } = openQueue();
    input.put('one\n', false);
    input.put('second\n', false);
    input.put('third\n', false);
    expect(take(output, 1)).toBe('one\n');
    expect(take(output, 8)).toBe('second\nthird\n');
  });

  test('gives lines again that were not released', () => {
    const { input, output } = openQueue();
    input.put('one\n', false);
    expect(Buffer.from(output.peek(100)).toString()).toBe('one\n');
    expect(take(output)).toBe('one\n');
    expect(output.isEmpty).toBe(true);
  });

  test('keeps what a thread said before it was ended', async () => {
    const { output, memory } = openQueue();
    const source = `
      const { workerData } = require('node:worker_threads');
      import(workerData.module).then(({ LogQueueInput }) => {
        new LogQueueInput(workerData.memory).put('last words\\n', false);
        require('node:worker_threads').parentPort.postMessage('said');
        for (;;);
      });`;
    const module = new URL('../../src/journal/log-queue.ts', import.meta.url).href;
    const worker = new Worker(source, { eval: true, workerData: { module, memory } });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    expect(take(output)).toBe('last words\n');
  });
});

describe('the bell', () => {
  test('wakes a sleeper when a line comes, and when it closes', async () => {
    const { input, memory } = openQueue();
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ LogBell, LogQueueOutput }) => {
        const bell = new LogBell(workerData.memory);
        const output = new LogQueueOutput(workerData.memory);
        while (output.isEmpty) bell.sleep(() => output.isEmpty, 600_000);
        parentPort.postMessage('woken');
        output.release(output.peek(100).length);
        while (!bell.isClosing) bell.sleep(() => output.isEmpty, 600_000);
        bell.pause(600_000);
        parentPort.postMessage('closed');
      });`;
    const module = new URL('../../src/journal/log-queue.ts', import.meta.url).href;
    const worker = new Worker(source, { eval: true, workerData: { module, memory } });
    const heard: unknown[] = [];
    const next = (): Promise<void> =>
      new Promise((resolve) => {
        worker.once('message', (word) => {
          heard.push(word);
          resolve();
        });
      });
    const woken = next();
    input.put('wake\n', false);
    await woken;
    const closed = next();
    new LogBell(memory).close();
    await closed;
    expect(heard).toEqual(['woken', 'closed']);
  });
});
