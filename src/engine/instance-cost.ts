/**
 * What an instance costs beside its linear memories: itself, its tables and the copies they are
 * restored from, the host's functions. It differs from 30 KB to megabytes and depends on V8, so it
 * is measured where the first instances of an artifact are made. Touches V8's own statistics.
 */
import { getHeapStatistics } from 'node:v8';

/** A collection in the midst of one sample makes it too small; the largest counts. */
const samplesMax = 3;

/** What one step of making an instance costs. */
export class InstanceCost {
  #bytes: number;
  #samples = 0;

  /** `bytesMin`: where nothing was measured yet, and at least. */
  constructor(bytesMin: number) {
    this.#bytes = bytesMin;
  }

  /** Bytes that one instance keeps of it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Does the step, and measures that while few have been made. */
  measure<T>(make: () => T): T {
    if (this.#samples >= samplesMax) return make();
    this.#samples += 1;
    const before = heapBytes();
    const made = make();
    this.#bytes = Math.max(this.#bytes, heapBytes() - before);
    return made;
  }
}

function heapBytes(): number {
  const { used_heap_size: used, malloced_memory: malloced } = getHeapStatistics();
  return used + malloced;
}
