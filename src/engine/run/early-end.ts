/** How an initialisation ended that ended badly: nobody can forgive that. */
import type { Activation } from './activation.ts';

/**
 * What must be thrown for `error`, which ended the call of `name` before any request.
 *
 * @throws our own errors
 */
export function explainEarlyEnd(
  activation: Pick<Activation, 'endByGuest' | 'explain' | 'forgive' | 'hostEnd'>,
  error: unknown,
  name: string | undefined,
): WebAssembly.RuntimeError {
  // The first end counts: what is noted here changes nothing then.
  const end = activation.hostEnd === undefined ? activation.explain(error) : undefined;
  const how = end?.kind === 'exited' ? `it exited with code ${end.exitCode}` : undefined;
  const detail = end?.kind === 'trapped' ? end.reason : (how ?? 'it returned');
  activation.forgive();
  const reason = `${name}, before any request: ${detail}`;
  return activation.endByGuest({ kind: 'trapped', reason });
}
