import { expect, test } from 'vitest';
import { noteOfLinks } from '../../../src/commands/run/links.ts';
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

test('what stands before the path is named, in its order', () => {
  const both = 'links/auth.wasm, links/head.wasm';
  expect(noteOfLinks(settings, '/admin/x?y')).toContain(`On the site ${both} would come first`);
  expect(noteOfLinks(settings, '/admin/app.wasm/x')).toContain(`${both}, links/more.wasm`);
});

test('where nothing stands, or no site has the path, nothing is said', () => {
  expect(noteOfLinks(settings, '/open/x')).toBeUndefined();
  expect(noteOfLinks(settings, '/admin/%zz')).toBeUndefined();
  expect(noteOfLinks({}, '/admin/x')).toBeUndefined();
});
