/** How much a request may say before its answer: a guest could send interim answers for ever. */
import type { ReplyHead } from '../http/message.ts';
import { isInterimStatus } from '../http/status.ts';

/** Interim answers to one request. */
export const interimRepliesMax = 16;
/** Their names and values, all together. Clients have room for one head of about this size. */
export const interimBytesMax = 16 * 1024;

export class InterimReplies {
  #count = 0;
  #bytes = 0;

  /**
   * Counts one more; false where it would be too many or too much.
   *
   * @throws TypeError when its status is not that of an interim answer: a bug of the ABI.
   */
  tryAdd({ status, headers }: ReplyHead): boolean {
    if (!isInterimStatus(status)) {
      const rule = 'the status of an interim answer must be 100 to 199 but 101';
      throw new TypeError(`Cannot inform the client: ${rule}: received ${status}`);
    }
    let bytes = this.#bytes;
    for (const [name, value] of headers) bytes += name.length + value.length;
    if (this.#count >= interimRepliesMax || bytes > interimBytesMax) return false;
    this.#count += 1;
    this.#bytes = bytes;
    return true;
  }
}
