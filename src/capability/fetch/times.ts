/** How long things may take with a server: its own times within the operator's limit. Pure. */
import type { Limits } from '../../config/config.ts';
import type { Backend, BackendTimes } from './contract.ts';

const connectMsUsual = 10_000;
const keepAliveMsUsual = 10_000;
const keepAliveMsMax = 60_000;

/** Undefined: a server that is no back-end. */
export function timesOf(
  backend: Backend | undefined,
  { outboundTimeoutMs: max }: Pick<Limits, 'outboundTimeoutMs'>,
): BackendTimes {
  return {
    connectMs: Math.min(backend?.connectTimeoutMs ?? connectMsUsual, max),
    firstByteMs: Math.min(backend?.firstByteTimeoutMs ?? max, max),
    betweenBytesMs: Math.min(backend?.betweenBytesTimeoutMs ?? max, max),
    keepAliveMs: Math.min(backend?.keepAliveMs ?? keepAliveMsUsual, keepAliveMsMax),
  };
}
