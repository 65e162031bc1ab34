/** WebAssembly text → bytes, for guests that only attackers would write. */
import wabt from 'wabt';

/**
 * With every feature that V8 has and wabt knows.
 *
 * @throws With wabt's message, which names the line.
 */
export async function assemble(wat: string): Promise<Uint8Array> {
  const { parseWat } = await wabt();
  const features = { exceptions: true, simd: true, bulk_memory: true, reference_types: true };
  const module = parseWat('attack.wat', wat, {
    ...features,
    ...{ tail_call: true, multi_memory: true },
  });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** A Terrarium guest whose `run` is `body`, with one page of memory. */
export function terrariumGuest(body: string, more = '', pages = 1): Promise<Uint8Array> {
  return assemble(`(module
    (import "env" "hostcall_resp_set_body" (func $body (param i32 i32 i32) (result i32)))
    (import "env" "hostcall_debug" (func $debug (param i32 i32)))
    (memory (export "memory") ${pages})
    ${more}
    (func (export "run") ${body}))`);
}
