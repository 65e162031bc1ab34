/** `[site]`: how the folder behaves as a website. */
import { choice, filePath, hostName, type Kind, yesOrNo } from './kinds.ts';
import { maybe, type ReadFields, record } from './tables.ts';

const fields = {
  spa: maybe(filePath, 'The page of a single-page application, for paths where nothing is'),
  cleanUrls: maybe(yesOrNo, '/about answers with about.html'),
  canonicalHost: maybe(hostName, 'The one host name; visitors of others are sent to it'),
  compress: maybe(
    choice(['files', 'all', 'off']),
    'Default "files"; "all": answers of modules too',
  ),
  indexFirst: maybe(yesOrNo, 'index.wasm answers even where a file is'),
  versionsPublic: maybe(yesOrNo, 'Kept versions have addresses: /hello.wasm@3f5a9c1d'),
} as const;

export type SiteBehaviour = ReadFields<typeof fields>;

export const site: Kind<SiteBehaviour> = record(fields);
