/** What an installation of several nodes is told of its engine. */
import type { ClusterConfig } from '../../../config/config.ts';

export type ClusterSettings = Pick<
  ClusterConfig,
  | 'servers'
  | 'name'
  | 'credentialsFile'
  | 'nkeyFile'
  | 'caFile'
  | 'certificateFile'
  | 'keyFile'
  | 'shards'
  | 'replicas'
  | 'waitMs'
> & {
  /** Unique among the nodes. */
  readonly node: string;
};
