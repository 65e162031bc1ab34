import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderEvents } from '../../src/deploy/watch.ts';
import { Scratch, until } from './world.ts';

describe('FolderEvents', () => {
  it('hints at files that are served and at .kbp_config, not at what is never served', async () => {
    using scratch = new Scratch();
    const { directory } = scratch;
    mkdirSync(join(directory, '.git'));
    mkdirSync(join(directory, 'dir'));
    let hints = 0;
    const errors: unknown[] = [];
    const events = new FolderEvents({
      directory,
      depthMax: 16,
      onHint: () => {
        hints += 1;
      },
      onError: (error) => errors.push(error),
    });
    const hintAfter = async (name: string) => {
      const before = hints;
      let content = 0;
      // The watcher begins some time after it was made: write until it notices.
      await until(() => {
        content += 1;
        writeFileSync(join(directory, name), String(content));
        return hints > before;
      });
    };
    try {
      await hintAfter('hello.wasm');
      await hintAfter('dir/deep.wasm');
      await hintAfter('.kbp_config');
      // Whatever was still on its way has arrived when a later event has.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const before = hints;
      writeFileSync(join(directory, '.git', 'index.wasm'), 'x');
      writeFileSync(join(directory, '.hello.wasm.aB3dEf'), 'x');
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(hints).toBe(before);
      expect(errors).toEqual([]);
    } finally {
      await events.close();
    }
  });
});
