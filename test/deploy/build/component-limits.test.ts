/** Every limit of components that an operator may set, crossed. */
import { describe, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import { buildArtifact } from '../../../src/deploy/build/artifact.ts';
import { Engine } from '../../engine/world.ts';
import { component, leb, list, name, preamble, section } from '../../support/component-bytes.ts';
import { callingGuest } from '../../support/component-calls.ts';

const emptyModule = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Why a component is refused that is judged with these limits. */
function refusal(bytes: Uint8Array<ArrayBuffer>, limits: Partial<Limits>): string {
  const refuse = () => ({ kind: 'refused', reason: 'judged' }) as const;
  try {
    buildArtifact(bytes, {
      limits: { ...defaultLimits, ...limits },
      judge: refuse,
      judgeComponent: refuse,
    });
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const times = (count: number, entry: readonly number[]): (readonly number[])[] =>
  Array.from({ length: count }, () => entry);
const modules = component(
  section(1, emptyModule),
  section(1, emptyModule),
  section(1, emptyModule),
);
const cores = component(section(1, emptyModule), list(2, times(3, [0x00, 0x00, 0x00])));
const instances = component(section(4, preamble), list(5, times(2, [0x00, 0x00, 0x00])));
const types = component(list(7, times(3, [0x70, 0x7d])));
const imports = component(
  list(7, [[0x40, 0x00, 0x01, 0x00]]),
  list(
    10,
    ['a', 'b', 'c'].map((each) => [0x00, ...name(each), 0x01, ...leb(0)]),
  ),
);

const within = (inner: readonly number[]): number[] => [...preamble, ...section(4, inner)];
const levels = Uint8Array.from(within(within(preamble)));
/** `waitable-set.new`. */
const functions = component(list(8, times(3, [0x1f])));

describe('a component may have', () => {
  test.each<[keyof Limits, Uint8Array<ArrayBuffer>, RegExp]>([
    ['componentModulesMax', modules, /at most 2 core modules/],
    ['componentCoresMax', cores, /at most 2 core instances/],
    // The component itself is one.
    ['componentInstancesMax', instances, /at most 2 instances/],
    ['componentTypesMax', types, /at most 2 types/],
    ['componentImportsMax', imports, /at most 2 imports/],
    ['componentLevelsMax', levels, /components are nested at most 2 deep/],
    ['componentFunctionsMax', functions, /at most 2 canonical definitions/],
    ['componentNameBytesMax', imports, /all names together have at most 2 bytes/],
  ])('as much as %s says, and no more', (limit, bytes, reason) => {
    expect(refusal(bytes, { [limit]: 3 })).toBe('judged');
    expect(refusal(bytes, { [limit]: 2 })).toMatch(reason);
  });
});

describe('a run of a component may', () => {
  /** `ok`, or why it trapped. */
  async function endOf(code: string, limits: Partial<Limits>): Promise<string> {
    const calls = {
      'wasi:io/poll@0.2.0': { poll: '$poll' },
      'wasi:clocks/monotonic-clock@0.2.0': { 'subscribe-duration': '$after' },
      'wasi:random/random@0.2.0': { 'get-random-bytes': '$random' },
    };
    const guest = callingGuest({
      calls,
      beside: '(data (i32.const 1024) "ok")',
      code: `${code} (call $answer (local.get $out) (i32.const 1024) (i32.const 2))`,
    });
    using engine = new Engine({ limits });
    const { text, report } = await engine.run(engine.load(guest));
    return report.cause?.detail ?? report.error?.detail ?? text;
  }

  test('hold so many handles', async () => {
    // It has two, and needs four more for its answer.
    const code = '(drop (call $fields))';
    expect(await endOf(code, { componentHandlesMax: 6 })).toBe('ok');
    expect(await endOf(code, { componentHandlesMax: 4 })).toMatch(/at most 4 at once/);
  });

  test('bring so many bytes out in a call', async () => {
    const code = `
      (local $i i32) (local $pollable i32)
      (local.set $pollable (call $after (i64.const 0)))
      (loop $next
        (i32.store (i32.add (i32.const 2048) (local.get $i)) (local.get $pollable))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 8000))))
      (call $poll (i32.const 2048) (i32.const 2000) (i32.const 16))`;
    expect(await endOf(code, { componentCallBytesMax: 1_000_000 })).toBe('ok');
    expect(await endOf(code, { componentCallBytesMax: 65_536 })).toMatch(/at most 64 KiB/);
  });

  test('get so many random bytes in a call', async () => {
    const code = '(call $random (i64.const 11) (i32.const 16))';
    expect(await endOf(code, { componentRandomBytesMax: 11 })).toBe('ok');
    expect(await endOf(code, { componentRandomBytesMax: 10 })).toMatch(/at most 10/);
  });
});
