/** One record a request: made at the door, filled along the road, told once on the way out. */
import type { ErrorCode } from '../errors.ts';
import type { Outcome } from './outcome.ts';

/** What a visitor's browser says beside what it asks for; as it was sent, bounded by the head. */
export interface VisitorWords {
  readonly httpVersion: string;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
}

export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  /** The host name once it was parsed; until then what the visitor sent, cut short. */
  hostName: string;
  path: string;
  clientAddress: string;
  status: number;
  bytesReceived: number;
  bytesSent: number;
  outcome: Outcome | 'file' | 'failed' | 'redirected' | 'challenge' | 'sealing-key' | 'panel';
  folderKey: string | undefined;
  modulePath: string | undefined;
  digest: string | undefined;
  abi: string | undefined;
  cpuUs: number | undefined;
  wallUs: number;
  memoryBytes: number | undefined;
  errorCode: ErrorCode | undefined;
  /** Of the module; see `counters.ts`. */
  counterRow: number;
  /** For the log only: visitors read the row's sentence unless the row may be shown. */
  errorDetail: string | undefined;
  /** Noted only where a log of requests for other programs is kept. */
  visitor: VisitorWords | undefined;
  /** 32 hex digits, of a request that is traced. */
  traceId: string | undefined;
}
