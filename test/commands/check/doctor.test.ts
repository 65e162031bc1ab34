import { cpSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { quoteModulePaths } from '../../../src/commands/check/fix.ts';
import { TestDaemon, waitFor } from '../../support/daemon.ts';
import type { DnsServer } from '../../support/dns-server.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { TestFolder } from '../../support/folder.ts';
import { ask } from '../../support/http.ts';
import { assemble } from '../../wasm/support/assemble.ts';
import { runProgram } from '../program.ts';

const site = 'private/alice,kbwasm';
const record = 'kbp=/keybase/private/alice,kbwasm';
const host = 'www.example.com';
let dns: DnsServer;
let folder: TestFolder;

beforeEach(async () => {
  folder = new TestFolder();
  folder.put('hello', `${site}/hello.wasm`);
  dns = await startDnsServer({
    [host]: { a: ['127.0.0.1'] },
    [`_keybase_pages.${host}`]: { txt: [record] },
  });
});

afterEach(async () => {
  await dns.close();
  folder[Symbol.dispose]();
});

interface Report {
  readonly findings: readonly { mark: string; id: string; text: string; nextStep?: string }[];
  readonly nextStep: string;
  readonly from: string;
}

async function doctor(
  environment: Readonly<Record<string, string>> = {},
  argv: readonly string[] = [],
): Promise<Report> {
  const given = ['--dns', `127.0.0.1:${dns.port}`, '--mount', `/keybase=${folder.directory}`];
  const { stdout } = await runProgram(['doctor', host, '--json', ...given, ...argv], {
    environment: { TERRAFIRMA_LIMITS_DNS_TIMEOUT_MS: '1000', ...environment },
  });
  return JSON.parse(stdout);
}

const row = ({ findings }: Report, id: string) => findings.find((finding) => finding.id === id);
const agreed = { TERRAFIRMA_ACME_TERMS_AGREED: 'true' };

describe('where a name leads', () => {
  test('elsewhere, when the operator says where here is', async () => {
    dns.table.set(host, { a: ['198.51.100.9'], aaaa: ['2001:db8::1'] });
    const here = { TERRAFIRMA_ACME_PUBLIC_ADDRESSES: '203.0.113.7' };
    const report = await doctor(here);
    expect(row(report, 'a')).toMatchObject({
      mark: 'bad',
      nextStep: expect.stringContaining(
        'Leads to 198.51.100.9, not here (203.0.113.7): visitors reach another server',
      ),
    });
    expect(row(report, 'aaaa')?.nextStep).toBe(
      'IPv6 visitors go to 2001:db8::1: remove the AAAA record or point it here',
    );
  });

  test('nowhere without a record: the one to set, ready to copy', async () => {
    dns.table.delete(`_keybase_pages.${host}`);
    const { nextStep } = await doctor();
    expect(nextStep).toBe(`Set \`_keybase_pages.${host}. TXT "kbp=/keybase/private/you,bot/"\``);
  });

  test('by a CNAME whose target has the record alone', async () => {
    dns.table.clear();
    dns.table.set(host, { cname: 'example.com' });
    dns.table.set('example.com', { a: ['127.0.0.1'] });
    dns.table.set('_keybase_pages.example.com', { txt: [record] });
    const report = await doctor();
    expect(report.findings.filter(({ id }) => id === 'cname')).toEqual([
      { mark: 'ok', id: 'cname', text: `${host} is a CNAME to example.com` },
      expect.objectContaining({
        mark: 'bad',
        nextStep:
          `\`${host}\` is a CNAME to example.com, but the TXT record is asked at ` +
          `\`_keybase_pages.${host}\`: set it there, too`,
      }),
    ]);
  });
});

describe('the record', () => {
  const misplaced: readonly (readonly [string, string])[] = [
    [host, `It is at ${host} itself: move it to \`_keybase_pages.${host}\``],
    [`_keybase_pages.${host}.example.com`, 'The registrar appended the zone'],
    [`_keybase_pages.${host}.${host}`, 'The registrar appended the zone'],
  ];
  test.each(misplaced)('at %s is told to be moved', async (name, nextStep) => {
    dns.table.delete(`_keybase_pages.${host}`);
    dns.table.set(name, { ...dns.table.get(name), txt: [record] });
    const report = await doctor();
    const bad = report.findings.find(({ mark, id }) => mark === 'bad' && id === 'txt');
    expect(bad?.nextStep).toContain(nextStep);
  });

  test('that two values are is to become one', async () => {
    dns.table.set(`_keybase_pages.${host}`, { txt: [record, 'kbp=/keybase/private/bob'] });
    expect((await doctor()).nextStep).toContain('Two values begin with kbp=: remove all but one');
  });

  test('that holds for long is worth a word', async () => {
    dns.table.set(`_keybase_pages.${host}`, { txt: [record], ttlS: 52 * 60 });
    expect(row(await doctor(), 'ttl')).toEqual({
      mark: 'note',
      id: 'ttl',
      text: 'Resolvers remember the old answer for 52 min',
    });
  });

  test('of a wildcard is in the way of certificates, until the folder lists the name', async () => {
    await dns.close();
    dns = await startDnsServer({ [host]: { a: ['127.0.0.1'] } }, '127.0.0.1', (name) =>
      name.startsWith('_keybase_pages.') ? { txt: [record] } : { rcode: 'nxdomain' },
    );
    expect(row(await doctor(agreed), 'wildcard')).toMatchObject({
      mark: 'bad',
      nextStep:
        '`*.example.com` answers the same: no certificate is ordered; ' +
        `list ${host} in host_names`,
    });
    folder.write(`${site}/terrafirma.toml`, `host_names = ["${host}"]`);
    expect(row(await doctor(agreed), 'wildcard')?.mark).toBe('note');
  });
});

describe('CAA', () => {
  test('of the domain above counts, and says what to add', async () => {
    dns.table.set('example.com', { caa: ['digicert.com'] });
    expect(row(await doctor(agreed), 'caa')).toMatchObject({
      mark: 'bad',
      nextStep: 'CAA allows only digicert.com: add `0 issue "letsencrypt.org"` at example.com',
    });
    expect(row(await doctor(), 'caa')).toBeUndefined();
  });

  test.each([
    [['letsencrypt.org; validationmethods=http-01'], 'ok'],
    [['digicert.com', 'letsencrypt.org'], 'ok'],
    [[';'], 'bad'],
  ])('%j is %s', async (caa, mark) => {
    dns.table.set(host, { a: ['127.0.0.1'], caa });
    expect(row(await doctor(agreed), 'caa')?.mark).toBe(mark);
  });
});

test('who may show the folder: the list of the folder, and the operator’s rule', async () => {
  expect(row(await doctor(), 'consent')?.mark).toBe('ok');
  folder.write(`${site}/terrafirma.toml`, 'host_names = ["other.example"]');
  expect(row(await doctor(), 'consent')).toMatchObject({
    mark: 'bad',
    text: expect.stringContaining(`must list it in host_names of its terrafirma.toml: received`),
  });
  folder.write(`${site}/terrafirma.toml`, '');
  const rule = { TERRAFIRMA_HOSTS_REQUIRE_FOLDER_CONSENT: 'true' };
  expect(row(await doctor(rule), 'consent')?.mark).toBe('bad');
});

test('what answers at /, and each module under its own id', async () => {
  const before = await doctor();
  expect(row(before, 'index')?.mark).toBe('note');
  expect(row(before, 'module:hello.wasm')?.mark).toBe('ok');
  expect(row(before, 'mount')?.text).toBe(`/keybase is ${folder.directory}`);
  folder.write(`${site}/index.html`, 'x');
  expect(row(await doctor(), 'index')?.mark).toBe('ok');
});

test('the daemon that runs: its own answer by HTTP, and the last failure of the name', async () => {
  folder.put('trap', `${site}/trap.wasm`);
  await using daemon = await TestDaemon.start({
    args: ['--dns', `127.0.0.1:${dns.port}`, '--mount', `/keybase=${folder.directory}`],
  });
  // Before its verdict it is answered 503.
  const failed = await waitFor(async () => {
    const answer = await ask(daemon.port, '/trap.wasm', { host });
    return answer.status === 500 ? answer : undefined;
  });
  const argv = ['--state', daemon.stateDirectory];
  const report = await doctor({}, argv);
  expect(row(report, 'http')).toMatchObject({
    mark: 'note',
    text: expect.stringContaining(`/ answers 404 at 127.0.0.1:${daemon.port}: Cannot find`),
  });
  expect(row(report, 'end')?.text).toContain(
    `terrafirma logs --request ${failed.headers['x-request-id']}`,
  );
  expect(row(report, 'daemon')?.mark).toBe('ok');
  // A port of this machine at which nobody listens.
  dns.table.set(host, { a: ['127.0.0.2'] });
  await daemon.stop();
  expect(row(await doctor({}, argv), 'daemon')?.text).toBe('none runs here that answers');
});

test('without mounts and DNS servers of its own it looks at those of the daemon', async () => {
  await using daemon = await TestDaemon.start({
    args: ['--dns', `127.0.0.1:${dns.port}`, '--mount', `/keybase=${folder.directory}`],
  });
  const argv = ['doctor', host, '--json', '--state', daemon.stateDirectory];
  const { stdout } = await runProgram(argv);
  const report: Report = JSON.parse(stdout);
  expect(row(report, 'mount')?.text).toBe(`/keybase is ${folder.directory}`);
  expect(row(report, 'module:hello.wasm')?.mark).toBe('ok');
  expect(report.from).toContain(`by 127.0.0.1:${dns.port}`);
  // What is given goes before.
  const elsewhere = ['--mount', '/keybase=/none', '--dns', `127.0.0.1:${dns.port}`];
  const { stdout: told } = await runProgram([...argv, ...elsewhere]);
  expect(row(JSON.parse(told), 'mount')?.text).toBe('/keybase is /none');
});

test.each(['localhost', 'app.localhost'])('%s is nobody’s to ask for', async (name) => {
  const given = ['--dns', `127.0.0.1:${dns.port}`, '--mount', `/keybase=${folder.directory}`];
  const look = async (): Promise<Report> => {
    const { stdout } = await runProgram(['doctor', name, '--json', ...given], {
      environment: agreed,
    });
    return JSON.parse(stdout);
  };
  const report = await look();
  expect(dns.queries.filter((query) => !query.startsWith('TXT '))).toEqual([]);
  expect(row(report, 'a')).toMatchObject({ mark: 'ok', text: expect.stringContaining('itself') });
  expect(report.nextStep).toBe(
    'Serve a folder by its path, under every name: terrafirma serve ./folder',
  );
  dns.table.set(`_keybase_pages.${name}`, { txt: [record] });
  expect(row(await look(), 'meaning')?.mark).toBe('ok');
});

describe('what the daemon answers at /', () => {
  const start = () =>
    TestDaemon.start({
      args: ['--dns', `127.0.0.1:${dns.port}`, '--mount', `/keybase=${folder.directory}`],
    });

  test('is bad where it is set up wrongly, and says what is wrong', async () => {
    folder.write(`${site}/.kbp_config`, '{"version": "v1", "acls": 1}');
    await using daemon = await start();
    const http = row(await doctor({}, ['--state', daemon.stateDirectory]), 'http');
    expect(http?.mark).toBe('bad');
    expect(http?.text).toContain('/ answers 412');
    expect(http?.nextStep).toMatch(/terrafirma logs --request \S+$/);
  });

  test('is what a module likes to answer, but for failures', async () => {
    const module = (status: number) =>
      assemble(`(module
        (import "env" "hostcall_resp_set_response_code"
          (func $code (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "run") (drop (call $code (i32.const 0) (i32.const ${status})))))`);
    folder.write(`${site}/index.wasm`, await module(403));
    await using daemon = await start();
    const mark = async () =>
      row(await doctor({}, ['--state', daemon.stateDirectory]), 'http')?.mark;
    await waitFor(async () =>
      (await ask(daemon.port, '/', { host })).status === 403 ? true : undefined,
    );
    expect(await mark()).toBe('ok');
    folder.replace(`${site}/index.wasm`, await module(500));
    await waitFor(async () =>
      (await ask(daemon.port, '/', { host })).status === 500 ? true : undefined,
    );
    expect(await mark()).toBe('bad');
  });
});

test('a file that is refused: what was accepted before serves, and that is said', async () => {
  const served = folder.path(site);
  const before = async () => {
    await using daemon = await TestDaemon.start({ args: [served] });
    await waitFor(async () =>
      (await ask(daemon.port, '/hello.wasm')).status === 200 ? true : undefined,
    );
    const copy = `${daemon.stateDirectory}-copy`;
    cpSync(daemon.stateDirectory, copy, { recursive: true });
    return copy;
  };
  const state = await before();
  try {
    folder.write(`${site}/hello.wasm`, 'no module at all');
    const { code, stdout } = await runProgram(['doctor', served, '--state', state]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /bad +module +hello\.wasm: .*; version [0-9a-f]{12}, accepted \S+, serves instead$/m,
    );
    expect(stdout).toMatch(/^It works with what was accepted before/m);
    folder.write(`${site}/new.wasm`, 'neither');
    const { stdout: both } = await runProgram(['doctor', served, '--state', state]);
    expect(both).toMatch(/^It would not work\.$/m);
  } finally {
    rmSync(state, { recursive: true });
  }
});

describe('--fix', () => {
  const fix = () => runProgram(['doctor', `${folder.directory}/${site}`, '--fix']);

  test('writes an index.html once, and never over one', async () => {
    expect((await fix()).stderr).toContain('Mended: wrote');
    const { stderr, stdout } = await fix();
    expect(stderr).toBe('');
    expect(stdout).toMatch(/ok +index +/);
  });

  test('quotes the paths of modules', async () => {
    folder.write(`${site}/terrafirma.toml`, '[hello.wasm.limits]\ncpu_ms = 5\n');
    const { code, stderr } = await fix();
    expect(stderr).toContain('in quotes');
    expect(code).toBe(0);
  });

  test.each([
    ['[api.wasm]', '["api.wasm"]'],
    ['[jobs/clean.wasm.limits] # x', '["jobs/clean.wasm".limits] # x'],
    ['["api.wasm".limits]', '["api.wasm".limits]'],
    ['[[headers]]', '[[headers]]'],
    ['text = "[api.wasm]"', 'text = "[api.wasm]"'],
  ])('%s becomes %s', (before, after) => {
    expect(quoteModulePaths(before)).toBe(after);
  });

  test('is for a folder alone', async () => {
    const { code, stderr } = await runProgram(['doctor', host, '--fix']);
    expect(code).toBe(2);
    expect(stderr).toContain('received a host name');
  });
});
