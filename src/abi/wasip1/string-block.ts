/** Strings as `args` and `environ` have them: laid out once, and asked for twice. */

const addressBytes = 4;

export class StringBlock {
  /** How many there are. */
  readonly count: number;
  /** All of them, with a NUL behind each. */
  readonly text: string;
  readonly #texts: readonly string[];

  /** `texts` have one character a byte, and no NUL. */
  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.count = texts.length;
    this.text = texts.length === 0 ? '' : `${texts.join('\0')}\0`;
  }

  /** Where each of them is when the first is at `start`: u32, one after another. */
  addressesFrom(start: number): Uint8Array {
    const addresses = new Uint8Array(this.count * addressBytes);
    const view = new DataView(addresses.buffer);
    let address = start >>> 0;
    for (let index = 0; index < this.count; index += 1) {
      view.setUint32(index * addressBytes, address, true);
      address += (this.#texts[index]?.length ?? 0) + 1;
    }
    return addresses;
  }
}
