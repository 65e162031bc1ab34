import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DnsEntry, DnsServer } from '../../support/dns-server.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { TestFolder } from '../../support/folder.ts';
import type { ProgramEnd } from '../program.ts';
import { runProgram } from '../program.ts';

const site = 'private/alice,kbwasm';
let dns: DnsServer;
let folder: TestFolder;

beforeEach(async () => {
  folder = new TestFolder();
  folder.put('hello', `${site}/hello.wasm`);
  dns = await startDnsServer({
    'example.com': { a: ['127.0.0.1'], aaaa: ['2001:db8::1'] },
    '_keybase_pages.example.com': { txt: ['kbp=/keybase/private/alice,kbwasm'] },
  });
});

afterEach(async () => {
  await dns.close();
  folder[Symbol.dispose]();
});

function check(argv: readonly string[] = []): Promise<ProgramEnd> {
  const given = ['--dns', `127.0.0.1:${dns.port}`, '--mount', `/keybase=${folder.directory}`];
  const environment = { TERRAFIRMA_LIMITS_DNS_TIMEOUT_MS: '500' };
  return runProgram(['check', 'example.com', ...given, ...argv], { environment });
}

test('a host name that would work: everything about it, with 0', async () => {
  const { code, stdout, stderr } = await check();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/ok +a +127\.0\.0\.1 \(this machine\)$/m);
  expect(stdout).toMatch(/ok +aaaa +2001:db8::1 /m);
  expect(stdout).toMatch(/ok +txt +_keybase_pages\.example\.com: "kbp=.*"$/m);
  expect(stdout).toMatch(/note +txt +_keybasepages\.example\.com: no such name$/m);
  expect(stdout).toMatch(/ok +meaning +the record means \/keybase\/private\/alice,kbwasm$/m);
  expect(stdout).toMatch(/ok +folder/m);
  expect(stdout).toMatch(/ok +module +hello\.wasm would be served$/m);
  expect(stdout).toMatch(/^It would work\.\nNext: curl http:\/\/example\.com\/hello\.wasm$/m);
});

test('--json has the same as data', async () => {
  const { stdout } = await check(['--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    hostName: 'example.com',
    wouldWork: true,
    findings: expect.arrayContaining([
      { mark: 'ok', id: 'module:hello.wasm', text: 'hello.wasm would be served' },
    ]),
  });
});

test('a record that is not quite one is not called fine', async () => {
  dns.table.set('_keybase_pages.example.com', { txt: ['\u201ckbp=/keybase/private/x\u201d'] });
  const { stdout } = await check();
  expect(stdout).toMatch(/bad +txt +_keybase_pages\.example\.com: "\\u201ckbp=/m);
});

test('the second record name counts when the first has none', async () => {
  const record = dns.table.get('_keybase_pages.example.com') ?? {};
  dns.table.delete('_keybase_pages.example.com');
  dns.table.set('_keybasepages.example.com', record);
  expect((await check()).code).toBe(0);
});

const pages = '_keybase_pages.example.com';
const broken: readonly (readonly [string, Record<string, DnsEntry>, string])[] = [
  ['no address', { 'example.com': {} }, 'No address: set `example.com. A <the address'],
  ['no record', { [pages]: { txt: [] } }, 'Set `_keybase_pages.example.com. TXT "kbp='],
  ['two records', { [pages]: { txt: ['kbp=/keybase/a', 'kbp=/keybase/b'] } }, 'exactly one kbp='],
  ['quotes inside', { [pages]: { txt: ['"kbp=/keybase/private/alice,kbwasm"'] } }, '\\"kbp='],
  ['another case', { [pages]: { txt: ['KBP=/keybase/private/alice,kbwasm'] } }, 'received "KBP='],
  ['other records', { [pages]: { txt: ['v=spf1'] } }, 'Set `_keybase_pages.example.com. TXT "kbp='],
  ['a git root', { [pages]: { txt: ['kbp=git@keybase:private/a/b'] } }, 'git'],
  ['another folder', { [pages]: { txt: ['kbp=/keybase/private/bob,kbwasm'] } }, 'bob,kbwasm'],
  ['no such folder', { [pages]: { txt: ['kbp=/keybase/private/bob'] } }, ': make it, or correct'],
  [
    'no such part of it',
    { [pages]: { txt: [`kbp=/keybase/${site}/no`] } },
    ': make it, or correct',
  ],
  ['another mount', { [pages]: { txt: ['kbp=/other/x'] } }, ': add one with --mount, or correct'],
  ['failing servers', { [pages]: { rcode: 'servfail' } }, 'Cannot look up the name'],
];

test('records that mean nothing here are told', async () => {
  dns.table.set(pages, { txt: ['v=spf1'] });
  expect((await check()).stdout).toMatch(/bad +meaning .*received only "v=spf1"/);
});

test('a URL copied from a browser stands for its host name', async () => {
  const given = ['--dns', `127.0.0.1:${dns.port}`, '--mount', `/keybase=${folder.directory}`];
  const { code, stdout } = await runProgram(['check', 'http://example.com:80/a?b', ...given]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^example\.com$/m);
});

test('a folder is looked at by its path, as "serve" takes it', async () => {
  const directory = `${folder.directory}/${site}`;
  const { code, stdout, stderr } = await runProgram(['check', directory]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^\/.*alice,kbwasm$/m);
  expect(stdout).toMatch(/ok +module +hello\.wasm would be served$/m);
  expect(stdout).not.toMatch(/txt|daemon/);
  expect(stdout).toMatch(/^It would work\.\nNext: terrafirma serve \/.*alice,kbwasm$/m);

  folder.write(`${site}/fastly.toml`, '[local_server.acls]\nhome = "acl.json"');
  const workingDirectory = `${folder.directory}/private`;
  const wrong = await runProgram(['doctor', './alice,kbwasm', '--json'], { workingDirectory });
  folder.remove(`${site}/fastly.toml`);
  expect(wrong.code).toBe(1);
  expect(JSON.parse(wrong.stdout)).toMatchObject({
    folder: expect.stringMatching(/alice,kbwasm$/),
    wouldWork: false,
    nextStep: expect.stringContaining('fastly.toml:2: the file must be there'),
  });
});

test('a name without a dot is a folder where there is one', async () => {
  const workingDirectory = folder.directory;
  const { stdout } = await runProgram(['check', 'private'], { workingDirectory });
  expect(stdout).toMatch(/ok +folder +\/local\//m);
});

test('a path that is no folder: 2, and what it must be', async () => {
  const { code, stderr } = await runProgram(['check', './no-such-folder']);
  expect(code).toBe(2);
  expect(stderr).toContain('must be that of a folder which is there: received "./no-such-folder"');
});

test.each(broken)('%s: the next step, with 1', async (_name, table, nextStep) => {
  for (const [name, entry] of Object.entries(table)) dns.table.set(name, entry);
  const { code, stdout } = await check();
  expect(code).toBe(1);
  expect(stdout).toMatch(/^It would not work\.$/m);
  expect(stdout.split('\n').at(-2)).toContain(nextStep);
});

test('silent DNS servers are said to be silent', async () => {
  for (const name of ['example.com', pages, '_keybasepages.example.com']) {
    dns.table.set(name, { isSilent: true });
  }
  const { code, stdout } = await check();
  expect(code).toBe(1);
  expect(stdout).toMatch(/bad +a +Cannot look up the name/m);
});

test('a refused module is named with its reason, with 1', async () => {
  folder.write(`${site}/broken.wasm`, 'not a module at all');
  const { code, stdout } = await check();
  expect(code).toBe(1);
  expect(stdout).toMatch(/bad +module +broken\.wasm: Cannot/m);
  expect(stdout).toMatch(/ok +module +hello\.wasm/m);
  expect(stdout).toMatch(/^Next: Replace broken\.wasm: Cannot/m);
});

test('files that are never served for their names are told, with the reason', async () => {
  for (const name of ['page.html~', 'film.mp4.part', 'old/notes.tmp', 'hello.WASM']) {
    folder.write(`${site}/${name}`, 'x');
  }
  const { code, stdout } = await check();
  expect(code).toBe(0);
  expect(stdout).toMatch(/note +file +"page\.html~" is never served: .*backups/m);
  expect(stdout).toMatch(/note +file +"film\.mp4\.part" is never served: .*unfinished/m);
  expect(stdout).toMatch(/note +file +"old\/notes\.tmp" is never served/m);
  expect(stdout).toMatch(/note +file +"hello\.WASM" is never served: the name of a module/m);
});

test('a folder that nobody may read is refused', async () => {
  folder.write(`${site}/.kbp_config`, '{"version": "v1", "per_path_configs": {"/": {}}}');
  const { code, stdout } = await check();
  expect(code).toBe(1);
  expect(stdout).toMatch(/bad +access/m);
});

test('an empty folder is refused, one with files alone is not', async () => {
  folder.remove(`${site}/hello.wasm`);
  expect((await check()).stdout).toContain('the folder is empty');
  folder.write(`${site}/index.html`, '<h1>hello</h1>');
  expect(await check()).toMatchObject({ code: 0 });
});

test('a private folder without the bot user is refused', async () => {
  const { code, stdout } = await check(['--bot-user', 'somebody']);
  expect(code).toBe(1);
  expect(stdout).toContain('somebody');
});

test('control characters of a record do not reach the terminal', async () => {
  dns.table.set(pages, { txt: ['kbp=/keybase/\u001b[31mred'] });
  const { stdout } = await check();
  expect(stdout).not.toContain('\u001b');
});

test.each(['127.0.0.1', 'exa mple', ''])('%j is no host name: 2', async (name) => {
  const { code, stdout, stderr } = await runProgram(['check', name]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^Cannot check: the host name must .*the path$|^Cannot run check: /m);
});

test('terrafirma.toml: what is wrong, what is lowered, and secrets that others read', async () => {
  const write = (text: string) => folder.write(`${site}/terrafirma.toml`, text);
  write('[site]\nclean_url = true');
  const broken = await check();
  expect(broken.code).toBe(1);
  expect(broken.stdout).toMatch(/bad +settings +.*terrafirma\.toml:2: site may hold only/m);
  expect(broken.stdout).toMatch(
    /^It would not work\.\nNext: Mend terrafirma\.toml: .*"clean_urls"\?/m,
  );

  write('[limits]\ncpu_ms = "1 h"\n[[routes]]\npath = "/x"\nmodule = "gone.wasm"');
  const noted = await check();
  expect(noted.code).toBe(0);
  expect(noted.stdout).toMatch(/ok +settings +terrafirma\.toml is valid$/m);
  expect(noted.stdout).toMatch(/note +settings +limits\.cpu_ms is 1000 ms, the most/m);
  expect(noted.stdout).toMatch(/note +settings +\[\[routes\]\] names gone\.wasm, which is not/m);

  write('[[middleware]]\nfor = "/*"\nuse = ["hello.wasm", "gone.wasm"]');
  const linked = await check();
  expect(linked.code).toBe(1);
  expect(linked.stdout).toMatch(
    /bad +settings +\[\[middleware\]\] names gone\.wasm, which is not/m,
  );
  expect(linked.stdout).toMatch(/ok +module +hello\.wasm would stand before others$/m);
  expect(linked.stdout).toMatch(/^Next: Copy gone\.wasm into the folder$/m);
  write('[[middleware]]\nfor = "/*"\nuse = ["hello.wasm"]');
  expect((await check()).stdout).not.toMatch(/^Next: curl .*hello\.wasm/m);

  write('[secrets]\nAPI_KEY = "hunter2"');
  const alone = await check();
  expect(alone.stdout).not.toMatch(/secrets/);
  folder.put('hello', 'private/alice,kbwasm#bob/hello.wasm');
  folder.write('private/alice,kbwasm#bob/terrafirma.toml', '[secrets]\nAPI_KEY = "hunter2"');
  dns.table.set('_keybase_pages.example.com', {
    txt: ['kbp=/keybase/private/alice,kbwasm#bob'],
  });
  const exposed = await check();
  expect(exposed.code).toBe(0);
  expect(exposed.stdout).toMatch(
    /note +secrets +secrets\.API_KEY stands in plain text .* bob may/m,
  );
  expect(exposed.stdout).not.toContain('hunter2');
});

test('fastly.toml: what is wrong, and names that only it has', async () => {
  folder.remove(`${site}/terrafirma.toml`);
  const write = (text: string) => folder.write(`${site}/fastly.toml`, text);
  write('[local_server.acls]\nhome = "acl.json"');
  const broken = await check();
  expect(broken.code).toBe(1);
  expect(broken.stdout).toMatch(/bad +settings +.*fastly\.toml:2: the file must be there/m);
  expect(broken.stdout).toMatch(/^It would not work\.\nNext: Mend fastly\.toml: /m);

  write('[local_server.acls]\nhome = 1\nwork = "a; b.json"\n[local_server.backend]');
  const several = (await check()).stdout;
  expect(several).toMatch(/bad +settings +Cannot .*: fastly\.toml:2: [^;]*: received a number$/m);
  expect(several).toMatch(/bad +settings +fastly\.toml:4: .*; did you mean "backends"\?/m);
  expect(several).toMatch(/^Next: Mend fastly\.toml: Cannot .*: fastly\.toml:2: [^;]*$/m);

  write('');
  expect((await check()).stdout).toMatch(/ok +settings +fastly\.toml is valid$/m);

  write('[local_server.acls]\nhome = "acl.json"');
  folder.write(`${site}/acl.json`, '{"entries":[]}');
  folder.write(`${site}/terrafirma.toml`, '[grants]\nacls = ["home"]');
  const good = await check();
  expect(good.code).toBe(0);
  expect(good.stdout).toMatch(/ok +settings +fastly\.toml is valid, with one file that it names$/m);
  expect(good.stdout).toMatch(/ok +settings +terrafirma\.toml is valid$/m);

  folder.write(`${site}/terrafirma.toml`, '[grants]\nacls = ["hom"]');
  const misspelled = await check();
  expect(misspelled.stdout).toMatch(/bad +settings +.*terrafirma\.toml:2: .*"home"\?/m);
  folder.remove(`${site}/terrafirma.toml`);
  folder.remove(`${site}/fastly.toml`);
});
