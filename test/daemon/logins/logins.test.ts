import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { Logins } from '../../../src/daemon/logins/logins.ts';
import type { FolderKey } from '../../../src/names.ts';
import type { PasswordHash } from '../../../src/site/manifest.ts';

const FOLDER = '/keybase/public/alice' as FolderKey;
const SALT = '00112233445566778899aabb';
/** 2^10 rounds: about a tenth of a second. */
const SLOW: PasswordHash = {
  kind: 'bcrypt',
  hash: '$2a$10$CCCCCCCCCCCCCCCCCCCCC.KgQljzbljH4iwhlg3oTf8buusOTZRX6',
};

function sha256(password: string): PasswordHash {
  const salted = Buffer.concat([Buffer.from(SALT, 'hex'), Buffer.from(password)]);
  const digestHex = createHash('sha256').update(salted).digest('hex');
  return { kind: 'sha256', saltHex: SALT, digestHex };
}

describe('logins', () => {
  let logins: Logins;
  let nowMs = 0;

  function open(passwordChecksQueuedMax = 64): void {
    nowMs = 0;
    logins = new Logins({
      limits: { passwordChecksQueuedMax },
      nowMs: () => nowMs,
      onTrouble: (message) => {
        throw new Error(message);
      },
    });
  }

  afterEach(async () => {
    await logins.close();
  });

  function check(
    password: string,
    options: { client?: string; folder?: FolderKey; hash?: PasswordHash } = {},
  ): Promise<boolean> {
    const { client = '1.1.1.1', folder = FOLDER, hash = sha256('right') } = options;
    return logins.check({ folderKey: folder, clientAddress: client, password, hash });
  }

  test('tell right passwords from wrong ones', async () => {
    open();
    expect(await check('right')).toBe(true);
    expect(await check('wrong')).toBe(false);
    expect(await check('U*U', { hash: SLOW })).toBe(true);
    expect(await check('U*V', { hash: SLOW })).toBe(false);
  });

  test('let a client guess ten times, then every other second', async () => {
    open();
    for (let count = 0; count < 10; count += 1) expect(await check(`wrong ${count}`)).toBe(false);
    await expect(check('right')).rejects.toMatchObject({ code: 'too-many-logins' });
    expect(await check('right', { client: '2.2.2.2' })).toBe(true);
    nowMs += 2_000;
    expect(await check('right')).toBe(true);
  });

  test('do not count right passwords', async () => {
    open();
    for (let count = 0; count < 50; count += 1) expect(await check('right')).toBe(true);
  });

  test('let a folder be guessed at by many clients only so often', async () => {
    open();
    for (let count = 0; count < 100; count += 1) {
      await check('wrong', { client: `1.1.${count}.1` });
    }
    await expect(check('right', { client: '9.9.9.9' })).rejects.toMatchObject({
      code: 'too-many-logins',
    });
    expect(await check('right', { folder: '/other' as FolderKey })).toBe(true);
  });

  test('wait in a bounded queue, and folders take turns', async () => {
    open(3);
    const ended: string[] = [];
    const slow = Array.from({ length: 5 }, (_, n) =>
      check('U*V', { hash: SLOW, client: `1.1.1.${n}` }).then(
        () => ended.push(`slow ${n}`),
        (error: { code: string }) => ended.push(`${error.code} ${n}`),
      ),
    );
    const other = check('right', { folder: '/other' as FolderKey }).then(() => ended.push('other'));
    await Promise.all([...slow, other]);
    // One is being checked and three wait; the other folder comes after one more of the first.
    expect(ended).toEqual(['too-many-logins 4', 'slow 0', 'slow 1', 'other', 'slow 2', 'slow 3']);
  });

  test('take turns by owner, however many folders one has', async () => {
    open();
    const ended: string[] = [];
    const slow = Array.from({ length: 5 }, (_, n) =>
      check('U*V', { hash: SLOW, folder: `/keybase/public/mallory/${n}` as FolderKey }).then(() =>
        ended.push(`slow ${n}`),
      ),
    );
    const alice = check('right').then(() => ended.push('alice'));
    await Promise.all([...slow, alice]);
    // One is being checked, and the owner that has waited longest is Mallory.
    expect(ended).toEqual(['slow 0', 'slow 1', 'alice', 'slow 2', 'slow 3', 'slow 4']);
  });

  test('refuse hashes that take too long', async () => {
    open();
    const hash: PasswordHash = { kind: 'bcrypt', hash: `$2a$15$${'a'.repeat(53)}` };
    await expect(check('x', { hash })).rejects.toMatchObject({ code: 'bad-manifest' });
  });
});
