import { expect, test } from 'vitest';
import { guardedFs } from '../../support/guarded-fs.ts';

const patient = { fileOperationTimeoutMs: 10_000, fileOperationsPerMountMax: 4 };
const longReadBytes = 128 * 1024 * 1024;

test.skipIf(process.platform === 'win32')(
  'an open file is closed behind a read that is under way',
  async () => {
    const file = await guardedFs(patient).open('/dev/zero');
    const ends: string[] = [];
    const reading = file.read(new Uint8Array(longReadBytes), 0).then((bytes) => {
      ends.push('read');
      return bytes;
    });
    const closing = file.close().then(() => ends.push('close'));
    expect(await reading).toBe(longReadBytes);
    await closing;
    expect(ends).toEqual(['read', 'close']);
  },
);

test('a closed file has no descriptor any more: it may be another file’s', async () => {
  const file = await guardedFs(patient).open(import.meta.filename);
  await file.close();
  expect(() => file.fd).toThrow('it must be open');
  await expect(file.read(new Uint8Array(1), 0)).rejects.toThrow('it must be open');
});
