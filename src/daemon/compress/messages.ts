/** What the control plane and the thread that compresses tell each other. */
import type { ContentCoding } from '../../http/content-coding.ts';

export interface CompressRequest {
  readonly id: number;
  readonly coding: ContentCoding;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface CompressReply {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
