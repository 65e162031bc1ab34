import { describe, expect, test } from 'vitest';
import { createCatalogue } from '../../../src/abi/catalogue.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import {
  buildArtifact,
  digestBytes,
  faceOf,
  moduleLimits,
} from '../../../src/deploy/build/artifact.ts';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { guestBytes } from '../../support/folder.ts';
import { assemble } from '../../wasm/support/assemble.ts';
import { emptySection } from '../wasm-bytes.ts';

const catalogue = createCatalogue(defaultLimits);
const options = { limits: defaultLimits, judge: catalogue.judgeModule };
const guest = (name: string) => Uint8Array.from(guestBytes(name));

describe('buildArtifact()', () => {
  test('names the original bytes and gives code that compiles with what the engine needs', () => {
    const bytes = guest('private-memory');
    const artifact = buildArtifact(bytes, options);
    expect(artifact).toMatchObject({
      digest: digestBytes(bytes),
      originalBytes: bytes.length,
      abi: 'terrarium',
      entry: 'run',
    });
    const [core] = artifact.cores;
    const host = core?.engine.metered.names.host;
    const code = core?.code ?? new Uint8Array(0);
    const exports = WebAssembly.Module.exports(new WebAssembly.Module(code));
    expect(exports).toContainEqual({ name: host, kind: 'table' });
  });

  test('leaves the original bytes as they were and gives the same answer every time', () => {
    const bytes = guest('hello');
    const copy = Uint8Array.from(bytes);
    const [first, second] = [buildArtifact(bytes, options), buildArtifact(bytes, options)];
    expect(bytes).toEqual(copy);
    expect(second).toEqual(first);
  });

  test('makes what answers the soonest of a large module, and says what it left out', () => {
    const large = Uint8Array.from(Buffer.concat([guest('hello'), emptySection(1024 * 1024)]));
    const first = buildArtifact(large, { ...options, forms: 'first' });
    expect(first.cores[0]?.cardsCode).toBeUndefined();
    expect(first.lacksCards).toBe(true);
    const all = buildArtifact(large, options);
    expect(all.cores[0]?.cardsCode).toBeDefined();
    expect(all.lacksCards).toBe(false);
    expect(all.formHashes).toHaveLength(2);
    expect(first.formHashes).toEqual(all.formHashes.slice(0, 1));
    expect(buildArtifact(guest('hello'), { ...options, forms: 'first' }).lacksCards).toBe(false);
  });

  test('names equal code equally, whatever custom sections say', () => {
    const other = Uint8Array.from(Buffer.concat([guest('hello'), emptySection(10)]));
    const [plain, named] = [buildArtifact(guest('hello'), options), buildArtifact(other, options)];
    expect(named.digest).not.toBe(plain.digest);
    expect(named.formHashes).toEqual(plain.formHashes);
  });

  test('throws module-refused with the reason of the ABI', () => {
    expect(() => buildArtifact(guest('no-run'), options)).toThrow(
      expect.objectContaining({
        code: 'module-refused',
        message: expect.stringMatching(/^Cannot run the module: .*run/),
      }),
    );
  });

  test('throws module-refused with the place where V8 finds the code invalid', () => {
    const bytes = guest('hello');
    // The last byte of the code section's last body is `end`; `local.get 0` there needs a local.
    const shape = inspectModule(bytes);
    const end = shape.bodies.at(-1) ?? 0;
    bytes.set([0x20, 0x7f], end - 3);
    expect(() => buildArtifact(bytes, options)).toThrow(
      expect.objectContaining({ code: 'module-refused' }),
    );
  });
});

describe('moduleLimits()', () => {
  test('carries the daemon limits to the decoder, memory in whole pages', () => {
    const limits = { ...defaultLimits, memoryBytesMax: 3 * 65_536 + 1, functionsMax: 7 };
    expect(moduleLimits(limits)).toMatchObject({ memoryPagesMax: 3, functionsMax: 7 });
  });
});

describe('faceOf()', () => {
  test('shows imports and exports with the types of functions', () => {
    const face = faceOf(inspectModule(guest('hello')));
    expect(face.exports).toContainEqual({
      name: 'run',
      kind: 'function',
      type: expect.objectContaining({ params: [], results: [] }),
    });
    expect(face.exports).toContainEqual({ name: 'memory', kind: 'memory', type: undefined });
    expect(face.imports[0]).toMatchObject({ module: 'env', kind: 'function' });
  });

  test.each(['wizer.initialize', 'wizer-initialize'])('knows what %s is for', (name) => {
    const text = (type: string): string => `(module
      (import "env" "hostcall_resp_set_body" (func (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "run"))
      (func (export "${name}") ${type}))`;
    expect(buildArtifact(assemble(text('')), options).initialise).toBe(name);
    expect(() => buildArtifact(assemble(text('(param i32)')), options)).toThrow(
      expect.objectContaining({
        code: 'module-refused',
        message: expect.stringMatching(/^Cannot initialise the module: .* \(i32\) -> \(\)$/),
      }),
    );
    expect(buildArtifact(guest('hello'), options).initialise).toBeUndefined();
  });
});
