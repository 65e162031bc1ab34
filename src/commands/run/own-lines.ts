/** Standard output and standard error on one terminal. */
import type { CommandIo } from '../command.ts';

/** Disposed when nothing more comes: what the shell says next begins on a line of its own. */
export interface OwnLines extends Disposable {
  readonly report: CommandIo['report'];
  readonly write: CommandIo['write'];
}

const lineEnd = 0x0a;

/**
 * What is told begins on a line of its own, also after an answer that ends within one. Where the
 * answer goes to a file or another program it stays as it is, to the byte.
 */
export function onOwnLines(io: Pick<CommandIo, 'isTerminal' | 'report' | 'write'>): OwnLines {
  let isWithin = false;
  const end = (): void => {
    if (isWithin && io.isTerminal) io.write('\n');
    isWithin = false;
  };
  return {
    write(output) {
      if (output.length === 0) return;
      isWithin = typeof output === 'string' ? !output.endsWith('\n') : output.at(-1) !== lineEnd;
      io.write(output);
    },
    report(line) {
      end();
      io.report(line);
    },
    [Symbol.dispose]: end,
  };
}
