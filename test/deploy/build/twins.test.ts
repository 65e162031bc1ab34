import { describe, expect, test } from 'vitest';
import { createCatalogue } from '../../../src/abi/catalogue.ts';
import { defaultLimits as limits } from '../../../src/config/config.ts';
import {
  type Artifact,
  buildArtifact,
  digestBytes,
  formsOf,
} from '../../../src/deploy/build/artifact.ts';
import { Twins } from '../../../src/deploy/build/twins.ts';
import { guestBytes, padded } from '../../support/folder.ts';
import { emptySection } from '../wasm-bytes.ts';

const catalogue = createCatalogue(limits);
const judge = catalogue.judgeModule.bind(catalogue);
const build = (bytes: Uint8Array<ArrayBuffer>): Artifact => buildArtifact(bytes, { limits, judge });
const guest = (name: string): Uint8Array<ArrayBuffer> => Uint8Array.from(guestBytes(name));
const headerBytes = 8;

function note(twins: Twins, bytes: Uint8Array<ArrayBuffer>): void {
  twins.note(twins.keyOf(bytes), build(bytes));
}

function find(twins: Twins, bytes: Uint8Array<ArrayBuffer>): Artifact | undefined {
  return twins.find(twins.keyOf(bytes), bytes, digestBytes(bytes));
}

/** The same module with `section` before all others. */
function withFirst(bytes: Uint8Array, section: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = [bytes.subarray(0, headerBytes), section, bytes.subarray(headerBytes)];
  return new Uint8Array(Buffer.concat(parts));
}

describe('Twins', () => {
  test('a module that differs in a custom section is what it would be made anew', () => {
    const twins = new Twins();
    note(twins, guest('hello'));
    for (const number of [1, 2]) {
      const twin = Uint8Array.from(padded(guest('hello'), number));
      expect(find(twins, twin)).toEqual(build(twin));
    }
  });

  test('what is handed on is a copy: whoever takes its memory takes nobody else’s', () => {
    const twins = new Twins();
    note(twins, guest('hello'));
    const buffers = () =>
      formsOf(find(twins, guest('hello'))?.cores ?? []).map((form) => form.buffer);
    structuredClone(undefined, { transfer: buffers() });
    expect(buffers().every(({ byteLength }) => byteLength > 0)).toBe(true);
  });

  test('no twin is what differs in what is read, or where it stands', () => {
    const twins = new Twins();
    const hello = guest('hello');
    note(twins, hello);
    expect(find(twins, guest('v1'))).toBeUndefined();
    // Traps are told with offsets in the original.
    expect(find(twins, withFirst(hello, emptySection(1)))).toBeUndefined();
    const names = Uint8Array.of(0, 7, 4, ...Buffer.from('name'), 0, 0);
    const named = Uint8Array.from([...hello, ...names]);
    expect(twins.keyOf(named)).not.toBe(twins.keyOf(hello));
  });

  test('what is wrong with a custom section alone is no twin', () => {
    const twins = new Twins();
    const hello = guest('hello');
    note(twins, hello);
    const cut = Uint8Array.from([...hello, 0, 100, 1]);
    // Its name is not UTF-8.
    const misnamed = Uint8Array.from([...hello, 0, 2, 1, 0xff]);
    for (const bytes of [cut, misnamed]) {
      expect(WebAssembly.validate(bytes)).toBe(false);
      expect(find(twins, bytes)).toBeUndefined();
    }
  });

  test('large modules and components have none', () => {
    const twins = new Twins();
    const large = Buffer.concat([guest('hello'), emptySection(1024 * 1024)]);
    expect(twins.keyOf(large)).toBeUndefined();
    expect(twins.keyOf(guest('components/composed'))).toBeUndefined();
  });

  test('twinBytesMax: who was met longest ago is forgotten', () => {
    const [hello, v1] = [guest('hello'), guest('v1')];
    const bytes = [hello, v1].flatMap((each) => formsOf(build(each).cores));
    const twinBytesMax = bytes.reduce((sum, { length }) => sum + length, 0);
    const twins = new Twins({ twinBytesMax });
    note(twins, hello);
    note(twins, v1);
    expect(find(twins, hello)).toBeUndefined();
    expect(find(twins, v1)).toBeDefined();
  });
});
