import { expect, test } from 'vitest';
import { vendorCapability } from '../../../src/capability/vendor/capability.ts';
import type { Vendor } from '../../../src/capability/vendor/contract.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';
import { mergeFastly } from '../../../src/site/fastly/merge.ts';
import { noSettings, type SiteSettings } from '../../../src/site/settings.ts';
import { read as readFastly } from '../../site/fastly/read.ts';
import { faultOf, read } from '../../site/settings/read.ts';

function lend(siteSettings?: SiteSettings): Vendor {
  return vendorCapability.lend(undefined, {
    folderKey: '/local' as FolderKey,
    modulePath: 'app.wasm' as ModulePath,
    requestId: '1',
    siteSettings,
  });
}

test('nothing is said in place of the vendor’s cloud unless the folder says it', () => {
  for (const settings of [undefined, noSettings, read('[fastly]')]) {
    const vendor = lend(settings);
    expect(vendor).toMatchObject({ hasBotFields: false, inspection: undefined });
    expect(vendor.shieldingSite('here')).toBeUndefined();
    expect(vendor.isValidKey('key')).toBe(false);
  }
});

test('both files of a folder say something', () => {
  const own = read('[fastly]\nbot_fields = true\ninspection = "allow"');
  expect(lend(own)).toMatchObject({ hasBotFields: true, inspection: 'allow' });
  const fastly = readFastly('[local_server]\nfake_valid_fastly_keys = ["key"]');
  const vendor = lend(mergeFastly(own, fastly));
  expect(vendor).toMatchObject({ hasBotFields: true, inspection: 'allow' });
  expect(vendor.isValidKey('key')).toBe(true);
});

test('what it cannot say is refused', () => {
  expect(faultOf('[fastly]\ninspection = "block"')).toContain(
    'terrafirma.toml:2: fastly.inspection must be "allow"',
  );
  expect(faultOf('[fastly]\nbots = true')).toContain('fastly may hold only');
});
