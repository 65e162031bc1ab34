import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoKits } from '../../scripts/build-demo-kits.ts';
import { templates } from '../../src/commands/project/templates.ts';
import { TestDaemon } from '../support/daemon.ts';
import { ask } from '../support/http.ts';

const demoFolder = join(import.meta.dirname, '..', '..', 'demo');
const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Whether the form is for a function that is there only where somebody has built it. */
const isOfKit = (tag: string): boolean => tag.includes(' data-kit');

describe('the demo, served by the daemon', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await TestDaemon.start({ args: [demoFolder] });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  test('every form of the page calls a function that answers', async () => {
    const page = await ask(daemon.port, '/');
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const forms = [...page.text.matchAll(/<form action="([^"]+)"[^>]*>/g)];
    const actions = forms.flatMap(([tag, action = '']) => (isOfKit(tag) ? [] : [action]));
    expect(actions).toHaveLength(7);
    for (const action of actions) {
      expect((await ask(daemon.port, `/${action}`)).status).toBe(200);
    }
  });

  test('the page has forms for what the kits build, which git leaves out', async () => {
    const { text } = await ask(daemon.port, '/');
    const forms = [...text.matchAll(/<form action="([^"]+)"[^>]*>/g)];
    const modules = forms.flatMap(([tag, action = '']) =>
      isOfKit(tag) ? [action.replace(/\.wasm.*/, '.wasm')] : [],
    );
    expect(modules).toEqual(demoKits.map(({ name }) => `${name}.wasm`));
    const ignored = readFileSync(join(demoFolder, '.gitignore'), 'utf8').split('\n');
    const files = demoKits.flatMap(({ name, files: beside = [] }) => [`${name}.wasm`, ...beside]);
    expect(ignored).toEqual(expect.arrayContaining(files.map((file) => `/${file}`)));
    for (const { template } of demoKits) {
      expect(templates.find(({ id }) => id === template)?.module).toBeDefined();
    }
  });

  test('the page loads nothing from elsewhere', async () => {
    const { text } = await ask(daemon.port, '/');
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  test('hello greets by the unescaped name, or the world', async () => {
    const named = await ask(daemon.port, '/hello.wasm?x=1&name=Ada+L%C3%B6we%21&y=%zz');
    expect(named.text).toBe('Hello, Ada Löwe!!\n');
    expect((await ask(daemon.port, '/hello.wasm')).text).toBe('Hello, world!\n');
    expect((await ask(daemon.port, '/hello.wasm?name=%4')).text).toBe('Hello, %4!\n');
  });

  test('echo answers method, path, every header value and the body', async () => {
    const { text } = await ask(daemon.port, '/echo.wasm/more?x=1', {
      method: 'PUT',
      headers: { 'x-two': ['first', 'second'] },
      body: 'ä'.repeat(100_000),
    });
    expect(text).toMatch(/^PUT \/echo\.wasm\/more\?x=1\n/);
    expect(text).toContain('x-two: first');
    expect(text).toContain('second');
    expect(text.endsWith(`\n\n${'ä'.repeat(100_000)}`)).toBe(true);
  });

  test('visits counts each of many visits at the same time', async () => {
    const before = JSON.parse((await ask(daemon.port, '/visits.wasm')).text);
    const visits = Array.from({ length: 20 }, () => ask(daemon.port, '/visits.wasm'));
    await Promise.all(visits);
    const after = JSON.parse((await ask(daemon.port, '/visits.wasm')).text);
    expect(after.visits).toBe(before.visits + 21);
  });

  test('dice rolls as many dice as asked, within their sides', async () => {
    const reply = await ask(daemon.port, '/dice.wasm?count=100&sides=3');
    const { rolls, sum, time } = JSON.parse(reply.text);
    expect(rolls).toHaveLength(100);
    expect(new Set(rolls)).toEqual(new Set([1, 2, 3]));
    expect(sum).toBe(rolls.reduce((total: number, roll: number) => total + roll, 0));
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
  });

  test('badge keeps what the visitor writes out of the markup', async () => {
    const query = new URLSearchParams({ label: '<b>&"', value: 'ok', colour: '"/><x' });
    const reply = await ask(daemon.port, `/badge.wasm?${query}`);
    expect(reply.headers['content-type']).toBe('image/svg+xml');
    expect(reply.text).toContain('<title>&lt;b&gt;&amp;&quot;: ok</title>');
    expect(reply.text).not.toMatch(/<b>|<x/);
  });

  test('visitor tells what is known of the connection', async () => {
    const { text } = await ask(daemon.port, '/visitor.wasm', { headers: { 'X-One': '1' } });
    expect(text).toMatch(/^address {2}127\.0\.0\.1\nHTTP {5}1\.1\nTLS {6}not known\n/);
    expect(text).toMatch(/\nheaders {2}.*\bX-One\b/);
  });

  test('mandelbrot draws a PNG, another one elsewhere', async () => {
    const whole = await ask(daemon.port, '/mandelbrot.wasm');
    expect(whole.headers['content-type']).toBe('image/png');
    expect(whole.body.subarray(0, 8)).toEqual(pngSignature);
    const close = await ask(daemon.port, '/mandelbrot.wasm?x=-0.745&y=0.11&zoom=60');
    expect(close.body.length).toBe(whole.body.length);
    expect(close.body.equals(whole.body)).toBe(false);
  });
});
