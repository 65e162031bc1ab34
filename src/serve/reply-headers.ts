/** What the daemon itself puts on answers, beside what a file or a guest says. */
import type { Header, ReplyHead } from '../http/message.ts';

const requestId = 'x-request-id';
const none: readonly Header[] = [];

export class ReplyHeaders {
  #added: Header[] | undefined;
  #replacing = none;
  #filling = none;

  /**
   * Adds a header, unless the answer says otherwise. `name` in lower case. What answers vary by is
   * a list: it is added to the answer's own.
   */
  add(name: string, value: string): void {
    this.#added ??= [];
    this.#added.push([name, value]);
  }

  /** Forgets what was added: the answer becomes that of another path. */
  clear(): void {
    this.#added = undefined;
  }

  /**
   * From here on these stand in place of what the answer says under their names. What it varies by
   * is a list here, too: a cache that is not told of a coding gives it to whoever cannot read it.
   *
   * @param where `absent`: only where the answer says nothing under that name.
   */
  replace(headers: readonly Header[], where?: 'absent'): void {
    this.#replacing = where === undefined ? headers : none;
    this.#filling = where === undefined ? none : headers;
  }

  /**
   * Names and values in turn, with the request id of the log in place of a guest's.
   *
   * @param fixed On every answer that does not say otherwise.
   */
  compose(head: ReplyHead, id: string, fixed: readonly Header[] | undefined): string[] {
    const flat = [requestId, id];
    const replacing = this.#replacing;
    if (replacing.length === 0) {
      for (const [name, value] of head.headers) if (name !== requestId) flat.push(name, value);
    } else {
      const names = new Set(replacing.map(([name]) => name)).add(requestId);
      names.delete('vary');
      for (const [name, value] of head.headers) if (!names.has(name)) flat.push(name, value);
      for (const [name, value] of replacing) flat.push(name, value);
    }
    if (fixed !== undefined) addAbsent(flat, fixed);
    addAbsent(flat, this.#filling);
    if (this.#added !== undefined) addAbsent(flat, this.#added);
    return flat;
  }
}

/** What the guest has said itself stays as it said it: two of these would contradict each other. */
function addAbsent(flat: string[], headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    const isThere = flat.some((one, index) => index % 2 === 0 && one.toLowerCase() === name);
    if (!isThere || name === 'vary') flat.push(name, value);
  }
}
