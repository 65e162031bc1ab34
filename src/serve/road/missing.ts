/** What is said of a path that leads to nothing. */
import { TerrafirmaError } from '../../errors.ts';

/** Whether nothing is there for the request: for a WebSocket a file is nothing. */
export function isMissing(failure: unknown): boolean {
  if (!(failure instanceof TerrafirmaError)) return false;
  return failure.code === 'not-found' || failure.code === 'no-websocket';
}

/** False for a file that is not there. */
export async function found(answering: Promise<boolean>): Promise<boolean> {
  try {
    return await answering;
  } catch (failure) {
    if (isMissing(failure)) return false;
    throw failure;
  }
}

/** As for a file that is not there: nobody learns which are private. */
export function noFile(segments: readonly string[]): TerrafirmaError {
  return new TerrafirmaError('not-found', `Cannot find the file: received /${segments.join('/')}`);
}

export function notFound(segments: readonly string[]): TerrafirmaError {
  return new TerrafirmaError('not-found', `Cannot find the path: received /${segments.join('/')}`);
}
