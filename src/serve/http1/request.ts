/** A request of node:http whose body may turn out to be no HTTP. */
import { IncomingMessage } from 'node:http';
import type { TerrafirmaError } from '../../errors.ts';

export class Http1Request extends IncomingMessage {
  /** Why the rest of the body cannot be read, once that is known. */
  fault: TerrafirmaError | undefined = undefined;

  /**
   * The parser gave up in the middle of the body. Whoever reads it is told with the event `fault`:
   * an error of the stream would make node break off the connection, and the answer with it.
   */
  failBody(fault: TerrafirmaError): void {
    this.fault = fault;
    this.emit('fault');
  }
}
