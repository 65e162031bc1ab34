/** A conversation whose other side is a test. */
import type { Conversation } from '../../../../src/abi/abi.ts';

export class Talk implements Conversation {
  readonly messageBytesMax: number;
  readonly incoming: Uint8Array[] = [];
  readonly sent: string[] = [];
  isOver = false;
  /** Asked before each sending: whether there is no more room until it resolves. */
  room: Promise<void> | undefined;

  constructor(messageBytesMax = 1_000) {
    this.messageBytesMax = messageBytesMax;
  }

  takeMessage(): Uint8Array | undefined {
    return this.incoming.shift();
  }

  async whenReady(): Promise<void> {
    // Every test has put there what is read.
  }

  send(message: Uint8Array): Promise<void> | undefined {
    this.sent.push(Buffer.from(message).toString('latin1'));
    return this.room;
  }

  onTaken(): void {
    // There is no budget here.
  }

  onGivenUp(): void {
    // There is no limit here.
  }
}
