/**
 * What V8 keeps for one instance of a module beside its memories and the entries of its tables
 * (measured: V8 14, heap and buffers, by what instances of 50,000 such things take).
 */
import type { ModuleShape } from '../shape.ts';

/** An exported function is an object of JavaScript, with what calls it: 400 bytes, and 2.5 µs. */
const exportBytes = 400;
const importBytes = 210;
/** Two words of a list, once for a function that refers to it, once for what it is. */
const functionBytes = 16;
/** Its value, and that which is put back. */
const globalBytes = 16;
const segmentBytes = 8;

/** In bytes. */
export function instanceBytesOf(shape: ModuleShape): number {
  const { data, elements, exports, functionTypes, globals, imports } = shape;
  return (
    exports.length * exportBytes +
    imports.length * importBytes +
    functionTypes.length * functionBytes +
    globals.length * globalBytes +
    (data.length + elements.length) * segmentBytes
  );
}
