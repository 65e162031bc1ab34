/** Real programs through the whole ABI, held against their verified answers where those are. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Collected, copyTree, toBytes } from '../../../../scripts/conformance/wasi/case.ts';
import { WasiHost } from '../../../../scripts/conformance/wasi/host.ts';
import type { RunEnd } from '../../../../src/abi/abi.ts';
import { RequestBody } from '../../../../src/abi/objects/cgi/body.ts';
import { WasiProcess } from '../../../../src/abi/wasip1/process.ts';
import { createWasip1Abi } from '../../../../src/abi/wasip1.ts';
import { systemTimer } from '../../../../src/capability/clock/clock.ts';
import { defaultLimits } from '../../../../src/config/config.ts';
import { World } from '../../../support/abi-world.ts';
import { StreamExchange } from '../../objects/cgi/stream-exchange.ts';

const GUESTS = join(import.meta.dirname, '../../../../../shared/guests');
const hasGuests = existsSync(GUESTS);

interface Case {
  readonly f: string;
  readonly query: string;
  readonly path: string;
  readonly body: string;
  readonly env: Readonly<Record<string, string>>;
  readonly dirs?: Readonly<Record<string, string>>;
  readonly expect: {
    readonly rc?: number;
    readonly trap?: boolean;
    readonly stdout?: string;
    readonly stdoutBytes?: number;
    readonly stdoutLatin1?: string;
    readonly stdoutSha256?: string;
    readonly stderr?: string;
    readonly stderrHas?: string;
    readonly nodeWasiLeaks?: string;
  };
}

const cases: readonly Case[] = hasGuests
  ? JSON.parse(readFileSync(join(GUESTS, 'cases-cgi.json'), 'utf8')).cases
  : [];

/** What others of the same verification took seconds of computing for. */
const isQuick = ({ f, query }: Case): boolean =>
  !f.startsWith('bench-c') || /n=(1|20|1024|100)$/.test(query) || query.includes('n=1048576');

describe.skipIf(!hasGuests)('verified cases (../shared/guests where present)', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'terrafirma-wasi-'));
    writeFileSync(join(folder, 'hello.txt'), 'file body\n');
    symlinkSync('/etc', join(folder, 'link-out'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(cases.filter(isQuick))('$f $path $query', async (one) => {
    const host = new WasiHost(readFileSync(join(GUESTS, one.f)));
    const stdout = new Collected();
    const stderr = new Collected();
    const world = new World();
    const preopens = Object.keys(one.dirs ?? {}).map((name) => ({
      name,
      directory: copyTree(folder),
    }));
    const process = new WasiProcess({
      listArguments: () => [],
      listEnvironment: () =>
        Object.entries(one.env).map(([name, value]) => toBytes(`${name}=${value}`)),
      stdin: new RequestBody(new StreamExchange({}, one.body === '' ? [] : [one.body])),
      stdout,
      stderr,
      openPreopens: () => preopens,
      capabilities: { clock: world.clock, timer: systemTimer, fillRandom: (to) => to.fill(4) },
      descriptorsMax: 32,
    });
    host.guest.begin(process);
    const end = await host.run('_start');
    host.guest.release();
    checkCase(one, { end, stdout: stdout.bytes, stderr: stderr.text });
  });
});

function checkCase(
  { expect: wanted }: Case,
  found: { readonly end: RunEnd; readonly stdout: Buffer; readonly stderr: string },
): void {
  const { end, stdout, stderr } = found;
  if (wanted.trap === true) expect(end.kind).toBe('trapped');
  else expect(end.kind === 'exited' ? end.exitCode : end).toEqual(exitOf(end, wanted.rc ?? 0));
  if (wanted.stdout !== undefined) expect(stdout.toString()).toBe(wanted.stdout);
  if (wanted.stdoutBytes !== undefined) expect(stdout.length).toBe(wanted.stdoutBytes);
  if (wanted.stdoutLatin1 !== undefined) {
    expect(stdout.toString('latin1')).toBe(wanted.stdoutLatin1);
  }
  if (wanted.stdoutSha256 !== undefined) {
    expect(createHash('sha256').update(stdout).digest('hex')).toBe(wanted.stdoutSha256);
  }
  if (wanted.stderr !== undefined) expect(stderr).toBe(wanted.stderr);
  if (wanted.stderrHas !== undefined) expect(stderr).toContain(wanted.stderrHas);
  if (wanted.nodeWasiLeaks !== undefined) {
    expect(stdout.toString()).not.toContain(wanted.nodeWasiLeaks);
    expect(stdout.toString()).toContain('errno');
  }
}

/** A program that ends well may return or exit with 0. */
function exitOf(end: RunEnd, code: number): unknown {
  return code === 0 && end.kind === 'returned' ? { kind: 'returned' } : code;
}

interface Answered {
  readonly exchange: StreamExchange;
  readonly end: RunEnd;
  readonly failure: unknown;
  readonly world: World;
}

async function request(
  guest: string,
  exchange: StreamExchange,
  world = new World(),
): Promise<Answered> {
  const host = new WasiHost(readFileSync(join(GUESTS, guest)), createWasip1Abi(defaultLimits));
  const { binding } = host;
  binding?.begin({ exchange, capabilities: world, body: new Uint8Array(0) });
  const end = await host.run(host.exportedFunction('_start') ? '_start' : 'handle');
  let failure: unknown;
  try {
    binding?.finish(end);
  } catch (error) {
    failure = error;
  }
  binding?.release();
  return { exchange, end, failure, world };
}

describe.skipIf(!hasGuests)('programs as functions (../shared/guests where present)', () => {
  const variants = 'cgi-variants-c/cgi-variants-c.wasm';
  const at = (pathInfo: string) => new StreamExchange({ pathInfo });

  test('a redirect inside the site is the gateway’s', async () => {
    const { exchange } = await request(variants, at('/redirect-303'));
    expect(exchange.head).toEqual({ status: 303, headers: [['location', '/elsewhere?x=1']] });
  });

  test('an exit code before anything left answers nothing', async () => {
    const { exchange, end, failure } = await request(variants, at('/exit3'));
    expect([end, exchange.replyState, failure]).toEqual([
      { kind: 'exited', exitCode: 3 },
      'none',
      undefined,
    ]);
  });

  test('a trap after the answer began leaves it begun, for the gateway to break off', async () => {
    const exchange = new StreamExchange({ query: 'panic', pathInfo: '/' });
    const { end } = await request('cgi-echo-rust/cgi-echo-rust.wasm', exchange);
    expect(end.kind).toBe('trapped');
    expect(exchange.replyState).not.toBe('ended');
  });

  test.each([
    ['/no-headers', 'bad-reply'],
    ['/long-header', 'reply-too-large'],
    ['/many-headers', 'reply-too-large'],
    ['/nul-value', 'bad-reply'],
  ])('%s is %s', async (path, code) => {
    const { failure, exchange } = await request(variants, at(path));
    expect(failure).toMatchObject({ code });
    expect(exchange.replyState).toBe('none');
  });

  test('standard error is the log, line by line', async () => {
    const { world } = await request(variants, at('/stderr'));
    expect(world.logLines).toHaveLength(100);
    expect(world.logLines[99]).toBe('info log line 99');
  });

  test('a body that comes in pieces is read as it comes', async () => {
    const pieces = Array.from({ length: 50 }, () => Buffer.alloc(10_000, 0x61));
    const exchange = new StreamExchange({ method: 'POST', query: 'q' }, pieces);
    const { failure } = await request('cgi-echo-rust/cgi-echo-rust.wasm', exchange);
    expect(failure).toBeUndefined();
    expect(exchange.text).toContain('body=500000 bytes');
  });

  test('the owner’s variables are in the environment, the arguments are WAGI’s', async () => {
    const world = new World();
    world.settings = { ...world.settings, environment: new Map([['HTTP_X_OWN', 'mine']]) };
    const exchange = new StreamExchange({ target: '/m.wasm?a&b=1', query: 'a&b=1' });
    await request('cgi-echo-c/cgi-echo-c.wasm', exchange, world);
    expect(exchange.text).toContain('"X_OWN":"mine"');
    expect(exchange.text).toContain('"args":["a","b=1"]');
  });

  test('a reactor’s entry answers', async () => {
    const world = new World();
    world.settings = { ...world.settings, isPlainTextAllowed: true };
    const { exchange } = await request('reactor-c/reactor-c.wasm', new StreamExchange(), world);
    expect(exchange.text).toBe('handled 101\n');
  });

  test.each([
    ['bad-pointers', 'survived\n'],
    ['never-reads-body', 'did not look\n'],
  ])('hostile %s', async (name, text) => {
    const { exchange } = await request(`hostile/${name}.wasm`, new StreamExchange({}, ['body']));
    expect(exchange.text).toBe(text);
  });

  test('hostile path-escape opens nothing', async () => {
    const { exchange } = await request('hostile/path-escape.wasm', new StreamExchange());
    expect(exchange.text.charCodeAt(0)).toBe(0x41 + 76);
  });

  test('hostile endless-stdout is ended at the limit', async () => {
    const { exchange, end, failure } = await request(
      'hostile/endless-stdout.wasm',
      new StreamExchange(),
    );
    expect(end.kind).toBe('trapped');
    expect(failure).toMatchObject({ code: 'reply-too-large' });
    expect(exchange.replyState).toBe('started');
    const bytes = exchange.pieces.reduce((sum, piece) => sum + piece.length, 0);
    expect(bytes).toBeLessThanOrEqual(defaultLimits.replyBodyBytesMax);
  });
});
