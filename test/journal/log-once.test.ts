import { describe, expect, test } from 'vitest';
import { TellOnce } from '../../src/journal/log-once.ts';
import type { FolderKey } from '../../src/names.ts';
import { LogBook } from '../deploy/world.ts';

describe('TellOnce', () => {
  test('tells each path once until its reason changes or it was away', () => {
    const log = new LogBook();
    const once = new TellOnce('/f' as FolderKey, log);
    const reasons = () => log.entries.map(({ fields }) => fields.reason);
    once.tell('a', 'one');
    once.tell('a', 'one');
    once.tell('b', 'one');
    expect(reasons()).toEqual(['one', 'one']);
    once.tell('a', 'two');
    once.keepOnly(new Set(['a']));
    once.tell('a', 'two');
    once.tell('b', 'one');
    expect(reasons()).toEqual(['one', 'one', 'two', 'one']);
    once.forget('a');
    once.tell('a', 'two');
    expect(log.entries).toHaveLength(5);
  });
});
