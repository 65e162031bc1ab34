/**
 * The one exception that no guest can catch. A guest's `catch_all` and `try_table` catch every
 * JavaScript error thrown through it, `new WebAssembly.RuntimeError` included; only an error that
 * V8 itself raised for a trap passes them (docs/spec/engine.md, A5). So one real trap is taken from
 * a wasm `unreachable` and thrown again for every run that must end; it carries nothing of any run.
 */

/** (module (func (export "t") unreachable)) */
const trappingModule = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0],
  ...[3, 2, 1, 0],
  ...[7, 5, 1, 1, 0x74, 0, 0],
  ...[10, 5, 1, 3, 0, 0, 0x0b],
);

/** Takes a fresh trap object; one serves a thread for its whole life. */
export function takeTrap(): WebAssembly.RuntimeError {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(trappingModule));
  const unreachable = instance.exports.t;
  if (typeof unreachable !== 'function') throw new TypeError('Cannot find the trapping export');
  try {
    unreachable();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return error;
  }
  throw new TypeError('Cannot take a trap: unreachable did not trap');
}
