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
    // One that others may share: it is copied into the guest at once.
    const addresses = Buffer.allocUnsafe(this.count * addressBytes);
    let address = start >>> 0;
    for (let index = 0; index < this.count; index += 1) {
      addresses.writeUInt32LE(address >>> 0, index * addressBytes);
      address += (this.#texts[index]?.length ?? 0) + 1;
    }
    return addresses;
  }
}
