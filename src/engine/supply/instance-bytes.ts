/** What an instance of one core takes beside its memories. */
import type { FormFacts } from '../../threads/program.ts';

/** Beside what is counted: itself, and the host's side. */
const instanceBytesMin = 32 * 1024;
/**
 * An entry of a table and of the copy that it is restored from: 100,000 entries that a start
 * function has set are 4.6 MB (measured).
 */
const tableEntryBytes = 48;

/** In bytes. */
export function partsBytesOf({ instanceBytes, tableEntries }: FormFacts): number {
  return instanceBytesMin + instanceBytes + tableEntries * tableEntryBytes;
}
