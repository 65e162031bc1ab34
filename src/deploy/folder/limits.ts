/** Which of a folder's files fit its limits. Pure. */
import type { Limits } from '../../config/config.ts';
import { type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { ModulePath } from '../../names.ts';
import type { ListedFile } from '../look/scan.ts';

export interface CappedFile {
  readonly file: ListedFile;
  /** Set when the file is in excess. */
  readonly refusal: ErrorRecord | undefined;
}

/**
 * Files in the order in which they count: those that serve already first, so that a new file can
 * never push out a good one, then by path.
 */
export function capFiles(
  files: readonly ListedFile[],
  isServing: (path: ModulePath) => boolean,
  limits: Pick<Limits, 'modulesPerFolderMax' | 'moduleBytesPerFolderMax' | 'moduleBytesMax'>,
): readonly CappedFile[] {
  const serving = files.filter(({ path }) => isServing(path));
  const others = files.filter(({ path }) => !isServing(path));
  const { modulesPerFolderMax, moduleBytesPerFolderMax } = limits;
  let count = 0;
  let bytes = 0;
  return [...serving, ...others].map((file) => {
    // Refused for its own size; it must not take the room of others as well.
    if (file.sizeBytes > limits.moduleBytesMax) return { file, refusal: undefined };
    if (count >= modulesPerFolderMax) {
      return { file, refusal: excess(`at most ${modulesPerFolderMax} modules`, 'one more') };
    }
    if (bytes + file.sizeBytes > moduleBytesPerFolderMax) {
      const rule = `modules of at most ${moduleBytesPerFolderMax} bytes together`;
      return { file, refusal: excess(rule, `${bytes + file.sizeBytes} bytes`) };
    }
    count += 1;
    bytes += file.sizeBytes;
    return { file, refusal: undefined };
  });
}

function excess(rule: string, received: string): ErrorRecord {
  const detail = `Cannot accept the module: a folder may hold ${rule}: received ${received}`;
  return toErrorRecord(new TerrafirmaError('module-refused', detail));
}
