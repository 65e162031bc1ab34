/** Reads the script format of the official suite: nested lists, words and strings, with offsets. */

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly WastNode[];
  readonly start: number;
  readonly end: number;
}

export interface WordNode {
  readonly kind: 'word' | 'string';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export type WastNode = ListNode | WordNode;

class WastReader {
  readonly #text: string;
  #pos = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Passes over white space, comments and annotations. */
  #skip(): void {
    for (;;) {
      const rest = /(?:\s|;;[^\n]*)*/y;
      rest.lastIndex = this.#pos;
      rest.exec(this.#text);
      this.#pos = rest.lastIndex;
      if (this.#text.startsWith('(;', this.#pos)) this.#skipBlockComment();
      else return;
    }
  }

  #skipBlockComment(): void {
    let depth = 0;
    do {
      if (this.#text.startsWith('(;', this.#pos)) depth++;
      else if (this.#text.startsWith(';)', this.#pos)) depth--;
      else {
        this.#pos++;
        continue;
      }
      this.#pos += 2;
    } while (depth > 0 && this.#pos < this.#text.length);
  }

  readAll(): WastNode[] {
    const nodes: WastNode[] = [];
    for (;;) {
      this.#skip();
      const char = this.#text[this.#pos];
      if (char === undefined || char === ')') return nodes;
      nodes.push(this.#readNode(char));
    }
  }

  #readNode(char: string): WastNode {
    const start = this.#pos;
    if (char === '(') {
      this.#pos++;
      const items = this.readAll();
      if (this.#text[this.#pos] !== ')') throw new SyntaxError(`unclosed list at ${start}`);
      this.#pos++;
      return { kind: 'list', items, start, end: this.#pos };
    }
    const token = char === '"' ? /"(?:[^"\\]|\\.)*"/suy : /[^\s()";]+(?:"(?:[^"\\]|\\.)*")?|;/suy;
    token.lastIndex = start;
    const text = token.exec(this.#text)?.[0];
    if (text === undefined) throw new SyntaxError(`unreadable text at ${start}`);
    this.#pos = token.lastIndex;
    if (char !== '"') return { kind: 'word', text, start, end: this.#pos };
    return { kind: 'string', text: unescapeString(text.slice(1, -1)), start, end: this.#pos };
  }
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '"': '"',
  "'": "'",
  '\\': '\\',
};

/** The string a literal stands for: its bytes read as UTF-8. */
function unescapeString(literal: string): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [part] of literal.matchAll(/\\u\{[0-9a-fA-F_]+\}|\\[0-9a-fA-F]{2}|\\.|[^\\]+/gsu)) {
    if (!part.startsWith('\\')) bytes.push(...encoder.encode(part));
    else if (part.startsWith('\\u')) {
      const code = Number.parseInt(part.slice(3, -1).replaceAll('_', ''), 16);
      bytes.push(...encoder.encode(String.fromCodePoint(code)));
    } else {
      const simple = escapes[part.slice(1)];
      if (simple !== undefined) bytes.push(...encoder.encode(simple));
      else bytes.push(Number.parseInt(part.slice(1), 16));
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** The top level of a script. */
export function readWast(text: string): ListNode[] {
  return new WastReader(text).readAll().filter((node) => node.kind === 'list');
}

export function wordAt(list: ListNode, index: number): string | undefined {
  const node = list.items[index];
  return node?.kind === 'word' ? node.text : undefined;
}

/** The first word of a list: what it is about. */
export function headOf(list: ListNode): string {
  return wordAt(list, 0) ?? '';
}
