/** Rows of numbers of fixed width, of which the newest are kept. Pure. */
export class Ring {
  readonly #width: number;
  readonly #rows: number;
  readonly #words: Float32Array;
  /** Rows that were ever added. */
  #count = 0;

  constructor({ rows, width }: { readonly rows: number; readonly width: number }) {
    this.#rows = rows;
    this.#width = width;
    this.#words = new Float32Array(rows * width);
  }

  add(row: ArrayLike<number>): void {
    this.#words.set(row, (this.#count % this.#rows) * this.#width);
    this.#count += 1;
  }

  get length(): number {
    return Math.min(this.#count, this.#rows);
  }

  /** One column, the oldest first; `newest`: no more than so many. */
  column(at: number, newest = this.#rows): Float32Array {
    const count = Math.min(this.length, newest);
    const values = new Float32Array(count);
    for (let back = 0; back < count; back += 1) {
      const row = (this.#count - count + back) % this.#rows;
      values[back] = this.#words[row * this.#width + at] ?? 0;
    }
    return values;
  }
}

/** For JSON: three digits after the point are more than any plot shows; null: unknown. */
export function roundAll(values: Float32Array): (number | null)[] {
  return Array.from(values, (value) =>
    Number.isNaN(value) ? null : Math.round(value * 1_000) / 1_000,
  );
}
