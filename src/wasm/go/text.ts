/** What is read once of a Go program, and looked through for several reasons. */
import type { ModuleShape } from '../shape.ts';
import { readDataImage } from './data-image.ts';
import { readFunctionNames } from './function-names.ts';

export interface GoText {
  readonly bytes: Uint8Array;
  readonly shape: ModuleShape;
  /** What lies in memory before any code has run. */
  readonly image: Buffer;
  /** By number among the functions with a body. */
  readonly names: ReadonlyMap<number, string>;
}

const linearBytesMax = 256 * 1024 * 1024;

/** Undefined where its functions have no names, or its data are not plain. */
export function readGoText(bytes: Uint8Array, shape: ModuleShape): GoText | undefined {
  const image = readDataImage(bytes, shape, linearBytesMax);
  const names = image && readFunctionNames(image, shape.bodies.length / 2);
  return image && names && { bytes, shape, image, names };
}
