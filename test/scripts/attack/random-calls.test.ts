import { expect, test } from 'vitest';
import { randomCaller } from '../../../scripts/attack/random-calls.ts';
import { fastlyModules } from '../../../src/abi/fastly/table.ts';
import { Engine } from '../../engine/world.ts';
import { World } from '../../support/abi-world.ts';

const RUNS = 20;

test('a program calls all functions at random, and its runs end well or wait', async () => {
  const bytes = await randomCaller();
  const wanted = [...fastlyModules.values()].reduce((sum, named) => sum + named.size, 0);
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(Uint8Array.from(bytes)));
  expect(imports.filter(({ module }) => module.startsWith('fastly_'))).toHaveLength(wanted);

  using engine = new Engine({ limits: { wallMsMax: 1_000 } });
  const loaded = engine.load(bytes);
  const answers = await Promise.all(
    Array.from({ length: RUNS }, () =>
      engine.run(loaded, { world: new World(), body: 'from the visitor' }),
    ),
  );
  const outcomes = answers.map(({ report }) => report.outcome);
  expect(outcomes.filter((each) => each !== 'replied' && each !== 'out-of-time')).toEqual([]);
  expect(outcomes).toContain('replied');
  // What it left behind is nobody's: the next guest runs as ever.
  expect((await engine.run(engine.load('hello'))).report.outcome).toBe('replied');
});
