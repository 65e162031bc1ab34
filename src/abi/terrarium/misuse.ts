import { quoteReceived } from '../../names/quote.ts';

/**
 * What a guest asked for did not come about: the hostcall answers its own error value, the log
 * tells the owner why. Never ends the run.
 */
export class HostcallFailure extends Error {
  override readonly name: string = 'HostcallFailure';
}

/** A failure that is the guest's own mistake: the contract does not allow what it asked for. */
export class Misuse extends HostcallFailure {
  override readonly name = 'Misuse';

  constructor(rule: string, received: string) {
    super(`${rule}: received ${quoteReceived(received)}`);
  }
}
