/**
 * CGI programs, compiled by Go, whose start is done once; the program is test/guests/wasi/go-start.
 * Where there is no Go, nothing is tested here: test/engine/early has what needs none.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { systemTimer } from '../../src/capability/clock/clock.ts';
import type { Header } from '../../src/http/message.ts';
import { runProgram } from '../commands/program.ts';
import { answerOf, Engine, sharesOf, TestExchange } from '../engine/world.ts';
import { World } from '../support/abi-world.ts';
import { TestFolder } from '../support/folder.ts';

const source = join(import.meta.dirname, 'wasi', 'go-start');
const goEnvironment = { ...process.env, GOOS: 'wasip1', GOARCH: 'wasm' };
const hasGo = spawnSync('go', ['version']).status === 0;
const compileMs = 300_000;

/** It sleeps where it panics. */
class TimedWorld extends World {
  override readonly timer = systemTimer;
}

const folder = new TestFolder();
afterAll(() => folder[Symbol.dispose]());
const built = new Map<string, string>();

/** The file of the program in that mode; compiled when it is first asked for. */
function fileOf(mode: string): string {
  let file = built.get(mode);
  if (file !== undefined) return file;
  file = folder.path(`go-${mode}.wasm`);
  const tags = mode === 'linked' ? ['-tags', mode] : [];
  const flags = `-s -w -X main.mode=${mode}${mode === 'linked' ? ' -checklinkname=0' : ''}`;
  const args = ['build', ...tags, '-ldflags', flags, '-o', file, '.'];
  const { status, stderr } = spawnSync('go', args, { cwd: source, env: goEnvironment });
  if (status !== 0) throw new Error(`Cannot compile the program: ${stderr}`);
  built.set(mode, file);
  return file;
}

interface Asked {
  readonly target?: string;
  readonly headers?: readonly Header[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly siteKey?: string;
}

/** Asks one program, in an engine of its own, for each in turn. */
async function ask(mode: string, requests: readonly Asked[]) {
  using engine = new Engine({ restoreMode: 'cards' });
  const loaded = engine.load(readFileSync(fileOf(mode)));
  const told = [];
  const world = new TimedWorld();
  for (const { target = '/go', headers = [], environment = {}, siteKey } of requests) {
    world.settings = { ...world.settings, environment: new Map(Object.entries(environment)) };
    const query = target.split('?')[1] ?? '';
    const exchange = new TestExchange({ target, query, headers }, Buffer.alloc(0));
    const shares = sharesOf(siteKey === undefined ? {} : { siteKey });
    const report = await engine.pool.acquire(loaded, shares).run(exchange, world);
    const { text } = answerOf(exchange, report);
    const pairs = text.split('\n').map((line) => /^(\w+)=(.*)$/s.exec(line)?.slice(1) ?? []);
    const of = (name: string) => pairs.filter(([key]) => key === name).map(([, value]) => value);
    told.push({ text, of, outcome: report.outcome, exitCode: report.exitCode });
  }
  return { told, instances: engine.pool.counts.created, logLines: world.logLines };
}

const cookie = (value: string): Asked => ({ headers: [['cookie', value]] });
/** The twin of the start, and the one that serves. */
const once = 2;

describe.skipIf(!hasGo)('CGI programs in Go', { timeout: compileMs }, () => {
  test('are told in each request what is its own, and nothing of another', async () => {
    const secrets = ['first-secret', 'a-longer-secret-second', 'third'];
    const { told, instances } = await ask('', secrets.map(cookie));
    for (const [number, { of, text }] of told.entries()) {
      expect(of('runs')).toEqual(['1']);
      expect(of('nobodys')).toEqual([' false']);
      expect(of('primes')).toEqual(['2262']);
      expect(of('env')).toContain(`HTTP_COOKIE=${secrets[number]}`);
      expect(of('env')).toContain('REQUEST_METHOD=GET');
      for (const other of secrets) if (other !== secrets[number]) expect(text).not.toContain(other);
    }
    expect(new Set(told.flatMap(({ of }) => of('rand'))).size).toBe(3);
    expect(instances).toBe(once);
  });

  test('have just the environment that a start of their own would have', async () => {
    const headers: Header[] = [
      ['x-bytes', 'a\xe4\xff\x80='],
      ['x-empty', ''],
      ['cookie', 'a=b; c=d'],
    ];
    const environment = { OWNERS: 'ö', HTTP_COOKIE: 'never', HTTP_MINE: 'mine', PWD: '/x' };
    const [asked] = [{ target: '/go?a=1&b&&c', headers, environment }];
    const body = (await ask('', [asked, asked])).told.map(({ of }) => of('env'));
    // So many headers that there is no room: the start is a part of the request.
    const many = Array.from({ length: 60 }, (_, n): Header => [`x-many-${n}`, 'v']);
    const plain = await ask('', [{ ...asked, headers: [...headers, ...many] }]);
    const all = plain.told[0]?.of('env').filter((each) => !each?.startsWith('HTTP_X_MANY'));
    expect(body[0]).toEqual(all);
    expect(body[1]).toEqual(all);
    expect(plain.told[0]?.of('env')).toHaveLength((all?.length ?? 0) + 60);
    expect(plain.instances).toBe(1);
  });

  test('may change it, and collect their garbage', async () => {
    const { told } = await ask('', [cookie('one'), cookie('two')]);
    for (const { of } of told) {
      expect(of('method')).toEqual(['changed']);
      expect(of('server')).toEqual(['']);
      expect(of('added')).toEqual(['added']);
      expect(of('cleared')).toEqual(['0']);
      expect(of('empty')).toEqual([]);
    }
  });

  test('have their arguments, as many as there are', async () => {
    const targets = ['/go', '/go?a', '/go?a&bc&d', '/go?', `/go?${'x&'.repeat(40)}`, '/go?z'];
    const { told } = await ask(
      '',
      targets.map((target) => ({ target })),
    );
    expect(told.map(({ of }) => of('args')[0])).toEqual([
      '1 /go',
      '2 /go a',
      '4 /go a bc d',
      '1 /go',
      `42 /go ${'x '.repeat(40)}`,
      '2 /go z',
    ]);
    for (const [number, { of }] of told.entries()) {
      expect(of('flags')).toEqual(['/go']);
      // Of 42 arguments Go's own slice has room for more.
      if (number !== 4) expect(of('appended')).toEqual(['one other']);
    }
  });

  test('of other sites have the environment of those', async () => {
    const sites = ['one', 'other', 'one'].map((name) => ({
      siteKey: `/${name}`,
      environment: { OWNERS: name },
    }));
    const { told } = await ask('', sites);
    expect(told.map(({ of }) => of('env').filter((each) => each?.startsWith('OWNERS')))).toEqual([
      ['OWNERS=one'],
      ['OWNERS=other'],
      ['OWNERS=one'],
    ]);
  });

  test.each(['header', 'sets', 'arguments'])(
    'stop before their start looks at %s',
    async (mode) => {
      const asked = ['one', 'two'].map((name) => ({
        target: `/go?${name}`,
        headers: [['cookie', name]] as const,
        environment: { OWNERS: 'own' },
      }));
      const { told, instances } = await ask(mode, [...asked, { target: '/go' }]);
      const [one, two] = told.map(({ of }) => of('early')[0]);
      const wanted: Record<string, readonly string[]> = {
        header: ['oneown', 'twoown'],
        sets: ['setone', 'settwo'],
        arguments: ['/go one', '/go two'],
      };
      expect([one, two]).toEqual(wanted[mode]);
      expect(told.map(({ of }) => of('runs')[0])).toEqual(['1', '1', '1']);
      // The third has none of the owner's variables, and so a start of its own.
      expect(instances).toBe(2 * once);
    },
  );

  test('are told the whole truth where package flag has it from the start', async () => {
    const { told } = await ask('named', [{ target: '/a/go' }, { target: '/longer' }]);
    expect(told.map(({ of }) => of('early')[0])).toEqual(['go 5 true', 'longer 7 false']);
  });

  test('start in each request where they look around package syscall', async () => {
    const { told } = await ask('linked', [cookie('one'), cookie('two')]);
    expect(told.map(({ of }) => of('looked')[0])).toEqual(['one', 'two']);
  });

  test('may ask for no end of variables, but not before their requests', async () => {
    const { told, instances } = await ask('asks', [cookie('one'), cookie('two')]);
    const answers = told.map(({ of }) => of('early')[0]);
    expect(answers.map((answer) => answer?.split(' ')[0])).toEqual(['0', '0']);
    // What it draws behind them is each request's own: the start has ended before.
    expect(new Set(answers).size).toBe(2);
    expect(instances).toBe(once);
  });

  test('that draw random numbers in their start do so in each request', async () => {
    const { told, instances } = await ask('draws', [cookie('one'), cookie('two')]);
    expect(new Set(told.flatMap(({ of }) => of('early'))).size).toBe(2);
    expect(instances).toBe(once + 1);
  });

  test('fail in each request that they fail in', async () => {
    const asked = { target: '/go?panic' };
    const { told, logLines } = await ask('', [asked, {}, asked]);
    expect(told.map(({ exitCode }) => exitCode)).toEqual([2, 0, 2]);
    expect(logLines.filter((line) => line.startsWith('info panic: asked to'))).toHaveLength(2);
  });

  test('are told by inspect', async () => {
    for (const [mode, start] of [
      ['', 'is done once'],
      ['draws', 'is done in every request'],
    ] as const) {
      const { stdout } = await runProgram(['inspect', fileOf(mode)]);
      expect(stdout).toContain(`\n  start     ${start}`);
    }
  });
});
