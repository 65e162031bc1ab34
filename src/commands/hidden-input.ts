/** A line that a person types and nobody sees. Touches the terminal. */
import type { ReadStream } from 'node:tty';
import { TerrafirmaError } from '../errors.ts';

const lineBytesMax = 64 * 1024;
const enter = new Set(['\r', '\n', '\u0004']);
const interrupt = '\u0003';
const erase = new Set(['\u007f', '\b']);

/**
 * Reads until Enter without showing anything.
 *
 * @param prompt Shown before.
 * @throws TerrafirmaError `usage` when the person gives up with Ctrl-C.
 */
export function readHiddenLine(
  input: ReadStream,
  prompt: string,
  show: (text: string) => void,
): Promise<string> {
  show(prompt);
  const wasRaw = input.isRaw;
  input.setRawMode(true);
  input.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let characters: string[] = [];
    const end = (settle: () => void): void => {
      input.off('data', take);
      input.setRawMode(wasRaw);
      input.pause();
      show('\n');
      settle();
    };
    const take = (typed: string): void => {
      for (const character of typed) {
        if (character === interrupt) {
          end(() => reject(new TerrafirmaError('usage', 'Cannot go on: interrupted')));
          return;
        }
        if (enter.has(character)) {
          end(() => resolve(characters.join('')));
          return;
        }
        if (erase.has(character)) characters = characters.slice(0, -1);
        else if (characters.length < lineBytesMax) characters.push(character);
      }
    };
    input.on('data', take);
    input.resume();
  });
}
