import type { Config } from '../config/config.ts';

/** What the deploy road reads of the configuration. */
export type DeployConfig = Pick<
  Config,
  'botUser' | 'grants' | 'limits' | 'stateDirectory' | 'watch'
>;
