import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Binding } from '../../../src/abi/abi.ts';
import { createComponentAbis } from '../../../src/abi/component.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { HostFace } from '../../../src/engine/host-face.ts';
import { takeTrap } from '../../../src/engine/run/trap.ts';
import { RunSlot } from '../../../src/engine/run-slot.ts';
import { Engine } from '../../engine/world.ts';

const guest = join(import.meta.dirname, '../../guests/components/rust/service03.wasm');

test('all instances of a program but the first make functions when they are called', () => {
  using engine = new Engine();
  const { abi: name, entry, program } = engine.load(readFileSync(guest));
  const abi = createComponentAbis(defaultLimits).find((each) => each.name === name);
  const plan = program.component;
  if (abi === undefined || plan === undefined) throw new Error('it must be a component');
  const bind = (): Binding => {
    const slot = new RunSlot(takeTrap());
    const none = (): undefined => undefined;
    const face = new HostFace({ slot, mainCore: program.mainCore, coreOf: none, memoryOf: none });
    return abi.bind(face, { plan, entry });
  };
  const [first, second] = [bind(), bind()];
  const imports = program.cores.flatMap(({ module }, core) =>
    WebAssembly.Module.imports(module).map((wanted) => ({ ...wanted, core })),
  );
  let found = 0;
  for (const wanted of imports) {
    expect(first.lateHostcall?.(wanted)).toBeUndefined();
    const hostcall = first.hostcall(wanted);
    const late = second.lateHostcall?.(wanted);
    expect(late === undefined).toBe(hostcall === undefined);
    if (hostcall === undefined || late === undefined) continue;
    found += 1;
    const { call, ...known } = hostcall;
    expect(late).toMatchObject({ ...known, length: call.length });
    expect(late).not.toHaveProperty('call');
    expect(second.openHostcall?.(late).length).toBe(call.length);
  }
  expect(found).toBeGreaterThan(20);
});
