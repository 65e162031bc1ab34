import { expect, test } from 'vitest';
import { linksBefore } from '../../../src/commands/run/links.ts';
import { parseSettings } from '../../../src/site/settings.ts';

const text = `
[[middleware]]
for = "/admin/*"
use = ["links/auth.wasm", "links/head.wasm"]
[[middleware]]
for = "/admin/app.wasm/*"
use = ["links/more.wasm"]
`;
const settings = parseSettings(Buffer.from(text), 10_000);

test('what stands before the path, in its order', () => {
  const both = ['links/auth.wasm', 'links/head.wasm'];
  expect(linksBefore(settings, '/admin/x?y')).toEqual(both);
  expect(linksBefore(settings, '/admin/app.wasm/x')).toEqual([...both, 'links/more.wasm']);
});

test('nothing, where no site has the path', () => {
  expect(linksBefore(settings, '/open/x')).toEqual([]);
  expect(linksBefore(settings, '/admin/%zz')).toEqual([]);
  expect(linksBefore({}, '/admin/x')).toEqual([]);
});
