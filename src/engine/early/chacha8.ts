/**
 * ChaCha8Rand, the generator of Go's runtime (c2sp.org/chacha8rand; Go: internal/chacha8rand).
 *
 * A block is four ChaCha8 blocks side by side, as four lanes of a processor give them: word `row`
 * of lane `lane` stands at `4 * row + lane`. Of ChaCha's own feed-forward only the key is added.
 */

/** Words of 32 bits. */
export const keyWords = 8;
export const blockWords = 64;

const rows = 16;
const lanes = 4;
const rounds = 4;
const keyRow = 4;
const counterRow = 12;
/** "expand 32-byte k" */
const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** How far the counter goes from block to block, and where the key is taken from the block. */
export const counterStep = 4;
export const counterMax = 16;

const state = new Uint32Array(rows);

/** Writes the block of `key` and `counter` to `target`, which has `blockWords`. */
export function writeBlock(target: Uint32Array, key: Uint32Array, counter: number): void {
  for (let lane = 0; lane < lanes; lane += 1) {
    state.set(constants);
    state.set(key, keyRow);
    state[counterRow] = counter + lane;
    state.fill(0, counterRow + 1);
    for (let round = 0; round < rounds; round += 1) {
      for (let column = 0; column < 4; column += 1) {
        quarter(column, column + 4, column + 8, column + 12);
      }
      quarter(0, 5, 10, 15);
      quarter(1, 6, 11, 12);
      quarter(2, 7, 8, 13);
      quarter(3, 4, 9, 14);
    }
    for (let row = 0; row < rows; row += 1) {
      const isKey = row >= keyRow && row < counterRow;
      target[row * lanes + lane] = at(row) + (isKey ? (key[row - keyRow] ?? 0) : 0);
    }
  }
}

/** The key of what follows the last block: its last 32 bytes. */
export function nextKey(key: Uint32Array): Uint32Array {
  const block = new Uint32Array(blockWords);
  writeBlock(block, key, counterMax - counterStep);
  return block.slice(blockWords - keyWords);
}

function at(row: number): number {
  return state[row] ?? 0;
}

function quarter(a: number, b: number, c: number, d: number): void {
  state[a] = at(a) + at(b);
  state[d] = rotate(at(d) ^ at(a), 16);
  state[c] = at(c) + at(d);
  state[b] = rotate(at(b) ^ at(c), 12);
  state[a] = at(a) + at(b);
  state[d] = rotate(at(d) ^ at(a), 8);
  state[c] = at(c) + at(d);
  state[b] = rotate(at(b) ^ at(c), 7);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
