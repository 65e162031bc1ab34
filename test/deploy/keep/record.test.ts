import { describe, expect, test } from 'vitest';
import {
  digestsOf,
  type FolderRecord,
  formatRecord,
  parseRecord,
} from '../../../src/deploy/keep/record.ts';
import type { FolderKey } from '../../../src/names.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { pathOf } from '../world.ts';

const A = 'a'.repeat(64) as Digest;
const B = 'b'.repeat(64) as Digest;

const record: FolderRecord = {
  folderKey: '/keybase/team/acme' as FolderKey,
  directory: '/mnt/acme',
  manifest: '{"version":"v1"}',
  modules: new Map([
    [
      pathOf('dir/b.wasm'),
      {
        versions: [
          { digest: A, abi: 'terrarium', acceptedAtMs: 5, bytes: 100 },
          { digest: B, abi: 'terrarium', acceptedAtMs: 4, bytes: 90 },
        ],
        seen: { digest: B, stamp: '1:2:3:4', refusal: 'Cannot accept' },
        goneAtMs: 9,
        spentPin: 'abc',
      },
    ],
    [
      pathOf('a.wasm'),
      {
        versions: [{ digest: B, abi: 'terrarium', acceptedAtMs: 4, bytes: 90 }],
        seen: { digest: B, stamp: '1:2:3:4' },
      },
    ],
  ]),
};

describe('parseRecord()', () => {
  test('gives back what formatRecord() wrote', () => {
    const parsed = parseRecord(formatRecord(record));
    expect(parsed).toMatchObject({ ...record, modules: expect.anything() });
    for (const [path, module] of record.modules) {
      expect(parsed.modules.get(path)).toMatchObject(module);
    }
    expect(digestsOf(parsed)).toEqual(new Set([A, B]));
  });

  test.each([
    ['empty', ''],
    ['half a record', formatRecord(record).slice(0, 200)],
    ['zero bytes', '\0'.repeat(100)],
    ['a list', '[]'],
    ['another format', '{"format":2}'],
    ['no modules', '{"format":1,"folderKey":"/f","directory":"/d"}'],
    ['a module without versions', badModule({ versions: [], seen: { digest: A, stamp: '' } })],
    ['a digest that is a path', badModule({ versions: [version('../../x')], seen: seen() })],
    ['a short digest', badModule({ versions: [version(A.slice(1))], seen: seen() })],
    ['nothing seen', badModule({ versions: [version(A)] })],
    ['a number as text', badModule({ versions: [{ ...version(A), bytes: '1' }], seen: seen() })],
    ['null', 'null'],
  ])('refuses %s with state', (_, text) => {
    expect(() => parseRecord(text)).toThrow(expect.objectContaining({ code: 'state' }));
  });
});

function version(digest: string) {
  return { digest, abi: 'terrarium', acceptedAtMs: 1, bytes: 1 };
}

function seen() {
  return { digest: A, stamp: '' };
}

function badModule(module: object): string {
  const modules = [['a.wasm', module]];
  return JSON.stringify({ format: 1, folderKey: '/f', directory: '/d', modules });
}
