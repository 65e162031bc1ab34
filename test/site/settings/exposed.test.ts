import { expect, test } from 'vitest';
import type { FolderKey } from '../../../src/names.ts';
import { describeExposed } from '../../../src/site/settings/exposed.ts';
import { read } from './read.ts';

const plain = '[secrets]\nAPI_KEY = "hunter2"';

test.each([
  ['/keybase/public/alice', undefined, 'everybody reads'],
  ['/keybase/team/acme.web/site', undefined, 'a team reads'],
  ['/keybase/private/alice,bot#bob,carl', 'bot', 'bob, carl may read'],
  ['/keybase/private/alice,bob,bot', 'bot', '2 people read'],
  ['/keybase/private/alice,bob,bot', undefined, '3 people read'],
  ['/keybase/private/alice,bot#bot', 'bot', undefined],
  ['/keybase/private/alice,bot', 'bot', undefined],
  ['/keybase/private/alice,bot', undefined, undefined],
  ['/keybase/private/alice', 'bot', undefined],
  ['/local/srv/site', undefined, undefined],
  ['/dropbox/site', undefined, undefined],
])('%s with the bot %s: %s', (folderKey, botUser, who) => {
  const told = describeExposed(read(plain), folderKey as FolderKey, botUser);
  if (who === undefined) expect(told).toBeUndefined();
  else {
    expect(told).toBe(
      `secrets.API_KEY stands in plain text in a folder that ${who}: ` +
        'seal with "terrafirma secret seal"',
    );
  }
});

test.each([
  ['[secrets]\nA = "sealed:v1:00000000:AAAA"', undefined],
  ['[secrets]\nA = ""', undefined],
  ['[env]\nA = "hunter2"', undefined],
  ['[secrets.vault]\nA = "x"\nB = "y"', 'secrets.vault.A and 1 more stand'],
  ['["a.wasm".secrets]\nA = "x"', '"a.wasm".secrets.A stands'],
])('%j', (text, start) => {
  const told = describeExposed(read(text), '/keybase/public/alice' as FolderKey, undefined);
  if (start === undefined) expect(told).toBeUndefined();
  else expect(told).toMatch(start);
  expect(told ?? '').not.toContain('hunter2');
});
