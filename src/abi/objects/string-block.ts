/** Strings as `args` and `environ` of WASI have them: laid out once, and asked for twice. */

export class StringBlock {
  /** All of them, with a NUL behind each; one character a byte. */
  readonly text: string;
  /** Where each of them begins in `text`. */
  readonly starts: readonly number[];

  constructor(text: string, starts: readonly number[]) {
    this.text = text;
    this.starts = starts;
  }

  /** `texts` have one character a byte, and no NUL. */
  static of(texts: readonly string[]): StringBlock {
    if (texts.length === 0) return none;
    const starts: number[] = [];
    let at = 0;
    for (const text of texts) {
      starts.push(at);
      at += text.length + 1;
    }
    return new StringBlock(`${texts.join('\0')}\0`, starts);
  }

  /** How many there are. */
  get count(): number {
    return this.starts.length;
  }

  /** Each by itself. */
  list(): readonly string[] {
    return this.text.split('\0').slice(0, -1);
  }
}

const none = new StringBlock('', []);
