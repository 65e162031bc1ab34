/** Components of many core instances, each of which takes long to make. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { coreExportsMax } from '../../src/deploy/build/artifact.ts';
import { list, section } from '../support/component-bytes.ts';
import { answer, httpGuest } from '../support/component-guests.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { Engine } from './world.ts';

const CORES = 100;
const EXPORTS = 150;

const hello = httpGuest(`
  (data (i32.const 1024) "hello")
  ${answer}
  (func (export "handle") (param i32 i32)
    (call $answer (local.get 1) (i32.const 1024) (i32.const 5)))`);

/** Behind those of libc and the guest so many cores of a module that exports so much. */
function addCores(cores: number, exports: number): Uint8Array<ArrayBuffer> {
  const names = Array.from({ length: exports }, (_, number) => `(export "e${number}" (func $f))`);
  const wide = assemble(`(module (func $f) ${names.join('')})`);
  // Module 2, without arguments.
  const made = list(2, Array(cores).fill([0x00, 0x02, 0x00]));
  return Uint8Array.from([...hello, ...section(1, [...wide]), ...made]);
}

const many = addCores(CORES, EXPORTS);

const { Instance } = WebAssembly;
let instances = 0;

beforeEach(() => {
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, args) {
      instances += 1;
      return Reflect.construct(target, args);
    },
  });
});

afterEach(() => {
  WebAssembly.Instance = Instance;
});

test('others have their turns while they are made', async () => {
  using engine = new Engine({ limits: { sliceMs: 1, cpuMsMax: 60_000, wallMsMax: 60_000 } });
  const [large, small] = [engine.load(many), engine.load(hello)];
  await engine.run(small, { owner: '/small' });
  instances = 0;
  const making = engine.begin(large, { owner: '/large', siteKey: '/large' });
  const { text } = await engine.run(small, { owner: '/small', siteKey: '/small' });
  expect(text).toBe('hello');
  expect(instances).toBeLessThan(CORES / 2);
  expect((await making.report).outcome).toBe('replied');
  expect(instances).toBeGreaterThanOrEqual(CORES);
});

test('what they take is counted before they are made', async () => {
  using engine = new Engine();
  const { report } = await engine.run(engine.load(many));
  expect(report.outcome).toBe('replied');
  expect(engine.pool.idleBytes).toBeGreaterThan(CORES * EXPORTS * 400);
});

test('coreExportsMax: they may export so much together', () => {
  using engine = new Engine();
  const cores = coreExportsMax / 200;
  expect(engine.load(addCores(cores - 1, 200)).program.cores.length).toBe(cores + 1);
  expect(() => engine.load(addCores(cores, 200))).toThrow(/may export 20000 things together/);
});
