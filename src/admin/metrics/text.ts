/** Prometheus' text format, version 0.0.4. Touches nothing. */

export type Labels = Readonly<Record<string, string>>;

export const metricsMediaType = 'text/plain; version=0.0.4; charset=utf-8';
const prefix = 'terrafirma_';

export class MetricsText {
  readonly #lines: string[] = [];

  /** Begins a family; its samples follow. `name` without the prefix, which `bare` leaves out. */
  family(
    name: string,
    type: 'counter' | 'gauge' | 'histogram',
    { help, isBare = false }: { readonly help: string; readonly isBare?: boolean },
  ): Family {
    const whole = isBare ? name : `${prefix}${name}`;
    this.#lines.push(`# HELP ${whole} ${help}`, `# TYPE ${whole} ${type}`);
    return new Family(whole, this.#lines);
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

export class Family {
  readonly #name: string;
  readonly #lines: string[];

  constructor(name: string, lines: string[]) {
    this.#name = name;
    this.#lines = lines;
  }

  add(value: number, labels?: Labels): this {
    this.#lines.push(`${this.#name}${labels === undefined ? '' : formatLabels(labels)} ${value}`);
    return this;
  }

  /**
   * One histogram. `counts` has one place more than `ends`: what is longer than all of them.
   *
   * @param labels As text, from `formatLabels`.
   */
  addHistogram(
    labels: string,
    { counts, ends, sum }: { counts: readonly number[]; ends: readonly number[]; sum: number },
  ): void {
    const inside = labels.slice(1, -1);
    const comma = inside === '' ? '' : ',';
    let total = 0;
    for (const [place, count] of counts.entries()) {
      total += count;
      const end = ends[place] ?? '+Inf';
      this.#lines.push(`${this.#name}_bucket{${inside}${comma}le="${end}"} ${total}`);
    }
    this.#lines.push(`${this.#name}_sum${labels} ${sum}`, `${this.#name}_count${labels} ${total}`);
  }

  /** A sample whose labels are text already: many samples have the same. */
  addText(value: number, labels: string): void {
    this.#lines.push(`${this.#name}${labels} ${value}`);
  }
}

/** Labels hold what strangers chose: the three characters that would end them are escaped. */
export function formatLabels(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${parts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
