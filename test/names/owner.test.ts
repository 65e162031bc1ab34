import { expect, test } from 'vitest';
import { ownerOf, parseFolderPath } from '../../src/names.ts';

test.each([
  ['/keybase/private/alice,kbwasm', '/keybase/private/alice,kbwasm'],
  ['/keybase/private/kbwasm,alice/sub/deeper', '/keybase/private/alice,kbwasm'],
  ['/keybase/team/acme.web/site', '/keybase/team/acme.web'],
  ['/keybase/public/alice/site', '/keybase/public/alice'],
  ['/shared/alice/site/deeper', '/shared/alice'],
  ['/shared/alice', '/shared/alice'],
  ['/shared', '/shared'],
])('the owner of %s is %s', (path, owner) => {
  expect(ownerOf(parseFolderPath(path).key)).toBe(owner);
});
