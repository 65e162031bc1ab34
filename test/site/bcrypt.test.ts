import { describe, expect, test } from 'vitest';
import { bcryptCost, verifyBcrypt } from '../../src/site/bcrypt.ts';

/** Hashes made by libxcrypt. */
const known: readonly (readonly [password: string, hash: string])[] = [
  ['', '$2b$04$......................w74bL5gU7LSJClZClCa.Pkz14aTv/XO'],
  ['open sesame', '$2a$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW'],
  ['pässwörd ☃', '$2y$06$N9qo8uLOickgx2ZMRZoMyeko6mm9Jq01yN290dbA9gT/vsyI7IrKi'],
  ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['x'.repeat(72), '$2b$04$012345678901234567890uDUz6ooNX1oTDcDYe6R4588izjkdkqZm'],
];

describe('bcrypt', () => {
  test.each(known)('knows %j', (password, hash) => {
    expect(verifyBcrypt(password, hash)).toBe(true);
    expect(verifyBcrypt(`!${password}`, hash)).toBe(false);
  });

  test('takes 72 bytes of a password, as every bcrypt does', () => {
    const [, hash = ''] = known.at(-1) ?? [];
    expect(verifyBcrypt('x'.repeat(80), hash)).toBe(true);
    expect(verifyBcrypt('x'.repeat(71), hash)).toBe(false);
  });

  test.each(['', 'x', '$2a$', '$2x$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW'])(
    'lets nobody in with %j for a hash',
    (hash) => {
      expect(verifyBcrypt('x', hash)).toBe(false);
    },
  );

  test('tells the cost of a hash', () => {
    expect(bcryptCost('$2a$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW')).toBe(5);
    expect(bcryptCost('sha256:00')).toBeUndefined();
  });
});
