/** Every limit of what is read of a component, crossed; none of it needs a module that runs. */
import { expect, test } from 'vitest';
import {
  type ComponentLimits,
  defaultComponentLimits,
} from '../../../src/wasm/component/limits.ts';
import { readComponent } from '../../../src/wasm/component.ts';
import { component, leb, list, name, preamble, section } from '../../support/component-bytes.ts';

const emptyModule = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const times = (count: number, entry: readonly number[]): (readonly number[])[] =>
  Array.from({ length: count }, () => entry);
const within = (inner: readonly number[]): number[] => [...preamble, ...section(4, inner)];
const custom = section(0, name('x'));
const u8 = 0x7d;

/** A list of bytes in two others. */
const lists = list(7, [
  [0x70, u8],
  [0x70, 0],
  [0x70, 1],
]);
const imports = (names: readonly string[]): Uint8Array<ArrayBuffer> =>
  component(
    list(7, [[0x40, 0x00, 0x01, 0x00]]),
    list(
      10,
      names.map((each) => [0x00, ...name(each), 0x01, ...leb(0)]),
    ),
  );
const exports = component(
  list(7, [[0x70, u8]]),
  list(
    11,
    ['a', 'b', 'c'].map((each) => [0x00, ...name(each), 0x03, 0x00, 0x00]),
  ),
);

/** What crosses: a tuple of three bytes, given to a function of the host that is lowered. */
const crossing = component(
  list(7, [
    [0x6f, 0x03, u8, u8, u8],
    [0x40, 0x01, ...name('a'), 0x00, 0x01, 0x00],
  ]),
  list(10, [[0x00, ...name('f'), 0x01, 0x01]]),
  list(8, [[0x01, 0x00, 0x00, 0x00]]),
  section(1, emptyModule),
  list(2, [[0x01, 0x01, ...name('f'), 0x00, 0x00]]),
);

function refusal(bytes: Uint8Array<ArrayBuffer>, limits: Partial<ComponentLimits>): string {
  try {
    readComponent(bytes, { limits: { ...defaultComponentLimits, ...limits } });
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('a component that is cut short is told so', () => {
  const cut = Uint8Array.from(within(section(1, emptyModule)).slice(0, -1));
  expect(refusal(cut, {})).toMatch(/sections must fit the file, which may be cut short: received/);
});

test.each<[keyof ComponentLimits, number, Uint8Array<ArrayBuffer>, RegExp]>([
  ['bytesMax', 12, component(custom.slice(0, 4)), /at most .* received/],
  ['levelsMax', 3, Uint8Array.from(within(within(preamble))), /nested at most 2 deep/],
  ['sectionsMax', 3, component(custom, custom, custom), /at most 2 sections/],
  ['modulesMax', 3, component(...times(3, section(1, emptyModule))), /at most 2 core modules/],
  ['componentsMax', 3, component(...times(2, section(4, preamble))), /at most 2 components/],
  ['typesMax', 3, component(lists), /at most 2 types/],
  ['typeLevelsMax', 4, component(lists), /types are nested at most 3 deep/],
  ['importsMax', 3, imports(['a', 'b', 'c']), /at most 2 imports/],
  ['exportsMax', 3, exports, /at most 2 exports/],
  ['canonsMax', 3, component(list(8, times(3, [0x1f]))), /at most 2 canonical definitions/],
  ['membersMax', 3, component(list(7, [[0x6f, 0x03, u8, u8, u8]])), /at most 2/],
  ['nameBytesMax', 3, imports(['abc']), /names have at most 2 bytes/],
  ['nameBytesTogetherMax', 3, imports(['a', 'b', 'c']), /names together have at most 2 bytes/],
  ['valueBytesMax', 3, crossing, /at most 2 bytes of its own/],
  ['valueFlatMax', 3, crossing, /at most 65536 bytes of its own|at most 2/],
])('as much as %s says is read, and no more', (limit, most, bytes, reason) => {
  expect(refusal(bytes, { [limit]: most })).toBe('accepted');
  expect(refusal(bytes, { [limit]: most - 1 })).toMatch(reason);
});

test('comparing and linking take so many steps', () => {
  const instances = component(section(4, preamble), list(5, times(100, [0x00, 0x00, 0x00])));
  expect(refusal(instances, {})).toBe('accepted');
  expect(refusal(instances, { stepsMax: 10 })).toMatch(/^Cannot read the component: its types/);
});
