/** `[errors]`: pages of the folder that stand in for the daemon's own. */
import { filePath, type Kind, turned } from './kinds.ts';
import { maybe, record } from './tables.ts';

/** Status → path of a file, `/404.html`. 500 is for all failures of modules, 500 to 504. */
export type ErrorPages = ReadonlyMap<number, string>;

const fields = {
  unauthorized: maybe(filePath, 'A user and a password are needed', '401'),
  forbidden: maybe(filePath, 'The folder does not let the visitor read', '403'),
  notFound: maybe(filePath, 'Nothing is there', '404'),
  gone: maybe(filePath, 'A redirect says that it is gone', '410'),
  failed: maybe(filePath, 'A module failed: 500 to 504', '500'),
} as const;

export const errorPages: Kind<ErrorPages> = turned(record(fields), (read) => {
  const pages: readonly (readonly [number, string | undefined])[] = [
    [401, read.unauthorized],
    [403, read.forbidden],
    [404, read.notFound],
    [410, read.gone],
    [500, read.failed],
  ];
  return new Map(pages.flatMap(([status, page]) => (page === undefined ? [] : [[status, page]])));
});
