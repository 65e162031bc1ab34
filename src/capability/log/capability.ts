/** The guest's own words for the log. */
import type { Limits } from '../../config/config.ts';
import type { CapabilityDefinition } from '../definition.ts';
import type { GuestLog } from './contract.ts';
import { type GuestLineSink, RunLog } from './guest-log.ts';

interface LogSide {
  readonly limits: Limits;
  readonly sink: GuestLineSink;
}

export const logCapability: CapabilityDefinition<GuestLog, LogSide> = {
  openThread: ({ config, onGuestLine }) => ({ limits: config.limits, sink: onGuestLine }),
  lend: ({ limits, sink }, { folderKey, modulePath, requestId, clientAddress }) =>
    new RunLog(sink, { tag: { folderKey, modulePath, requestId, clientAddress }, limits }),
};
