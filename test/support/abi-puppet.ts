/**
 * The puppet: a guest that exports every hostcall it imports, so that a test can make one call with
 * any arguments through a real instance, and look at linear memory before and after.
 */
import wabt from 'wabt';
import { AbiHost, type AbiHostOptions, type RequestPlan } from './abi-host.ts';
import { hostcallTypes } from './hostcall-faces.ts';

/** Where the puppet's allocators hand out from; below is the test's own. */
export const HEAP_START = 0x1000;
/** What `mask` fills memory with. */
export const MASK = 0xaa;

/** Allocators of the puppet. All but `none` trap when asked for 0 bytes. */
export const mallocs = {
  /** Upwards from HEAP_START, 8-aligned. */
  bump: `(func $malloc (export "default_malloc_impl") (param $size i32) (result i32)
    (if (i32.eqz (local.get $size)) (then unreachable))
    (global.get $top)
    (global.set $top (i32.and
      (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 7)) (i32.const -8))))`,
  /** Grows memory at every call, which detaches every view of it. */
  growing: `(func $malloc (export "default_malloc_impl") (param $size i32) (result i32)
    (if (i32.eqz (local.get $size)) (then unreachable))
    (i32.mul (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1)))
      (i32.const 65536)))`,
  none: '',
} as const;

export interface PuppetOptions extends AbiHostOptions {
  readonly malloc?: keyof typeof mallocs | { readonly wat: string };
  readonly request?: RequestPlan;
  /** Further definitions. */
  readonly wat?: string;
}

export async function assemble(wat: string): Promise<Uint8Array> {
  const { parseWat } = await wabt();
  const module = parseWat('test.wat', wat, { bulk_memory: true, reference_types: true });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** A puppet with one page of memory, masked, in the middle of a run. */
export async function createPuppet(options: PuppetOptions = {}): Promise<AbiHost> {
  const host = new AbiHost(await assemblePuppet(options), options);
  host.begin(options.request);
  host.bytes.fill(MASK);
  return host;
}

export async function assemblePuppet(options: PuppetOptions = {}): Promise<Uint8Array> {
  const { malloc = 'bump' } = options;
  const allocator = typeof malloc === 'string' ? mallocs[malloc] : malloc.wat;
  const imports: string[] = [];
  const exports: string[] = [];
  for (const [name, { params, results }] of hostcallTypes) {
    const result = results.map((type) => `(result ${type})`).join(' ');
    const gets = params.map((_, index) => `(local.get ${index})`).join(' ');
    const types = `(param ${params.join(' ')}) ${result}`;
    imports.push(`(import "env" "${name}" (func $${name} ${types}))`);
    exports.push(
      `(func (export "${name.replace('hostcall_', '')}") ${types} (call $${name} ${gets}))`,
    );
  }
  return assemble(`(module ${imports.join('\n')}
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const ${HEAP_START}))
    ${allocator}
    ${exports.join('\n')}
    ${options.wat ?? ''}
    (func (export "run")))`);
}

/**
 * What changed in linear memory since `before` was copied, as a picture: address → bytes.
 * Everything the host did not write still has the mask.
 */
export function changesSince(before: Buffer, host: AbiHost): Record<string, string> {
  const after = host.bytes;
  const changes: Record<string, string> = {};
  let start = -1;
  for (let at = 0; at <= after.length; at += 1) {
    const isChanged = at < after.length && after[at] !== (at < before.length ? before[at] : 0);
    if (isChanged && start < 0) start = at;
    if (isChanged || start < 0) continue;
    const bytes = [...after.subarray(start, at)];
    changes[`0x${start.toString(16).padStart(4, '0')}`] = bytes
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(' ');
    start = -1;
  }
  return changes;
}

/** Writes `text` where the test wants it, and answers pointer and length. */
export function put(host: AbiHost, ptr: number, text: string): readonly [number, number] {
  return [ptr, host.bytes.write(text, ptr, 'latin1')];
}

/** Writes a list of slices at `ptr`, their bytes after it, and answers pointer and count. */
export function putList(
  host: AbiHost,
  ptr: number,
  texts: readonly string[],
): readonly [number, number] {
  let next = ptr + texts.length * 8;
  texts.forEach((text, index) => {
    const len = host.bytes.write(text, next, 'latin1');
    host.bytes.writeUInt32LE(next, ptr + index * 8);
    host.bytes.writeUInt32LE(len, ptr + index * 8 + 4);
    next += len;
  });
  return [ptr, texts.length];
}

/** The bytes that the two out-words at `out` and `out + 4` name, as text. */
export function readGiven(host: AbiHost, out: number): string {
  const ptr = host.bytes.readUInt32LE(out);
  const len = host.bytes.readUInt32LE(out + 4);
  return host.bytes.toString('latin1', ptr, ptr + len);
}

/** The list that the two out-words at `out` and `out + 4` name, as texts. */
export function readGivenList(host: AbiHost, out: number): readonly string[] {
  const array = host.bytes.readUInt32LE(out);
  const count = host.bytes.readUInt32LE(out + 4);
  return Array.from({ length: count }, (_, index) => readGiven(host, array + index * 8));
}
