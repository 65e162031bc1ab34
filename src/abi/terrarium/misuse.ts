import { quoteReceived } from '../../names/quote.ts';

/**
 * A guest asked for what the contract does not allow: the hostcall answers its own error value,
 * the log tells the owner. Never ends the run.
 */
export class Misuse extends Error {
  override readonly name = 'Misuse';

  constructor(rule: string, received: string) {
    super(`${rule}: received ${quoteReceived(received)}`);
  }
}
