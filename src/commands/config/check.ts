/** Edge: the file system. What a good configuration names must also be there. */
import { accessSync, constants, statSync } from 'node:fs';
import type { Config } from '../../config/config.ts';

/** What keeps the daemon from starting, or from serving, a sentence each; none: it is good. */
export function findConfigFaults(config: Config): readonly string[] {
  const { acme, folder, mounts, tls } = config;
  const directories = [
    ...(folder === undefined ? [] : [{ what: 'the folder', path: folder }]),
    ...mounts.map((mount) => ({ what: `the mount ${mount.prefix}`, path: mount.directory })),
  ];
  const files = [
    ...tls.certificates.flatMap(({ certificate, key }) => [
      { what: 'tls.certificate', path: certificate },
      { what: 'the key of tls.certificate', path: key },
    ]),
    { what: 'acme.external_key_file', path: acme.externalKeyFile },
    { what: 'acme.ca_file', path: acme.caFile },
  ];
  return [
    ...(directories.length === 0 ? ['a folder or a mount must be given: received neither'] : []),
    ...directories.flatMap(({ what, path }) =>
      isDirectory(path) ? [] : [`${what} must be a directory that is there: received ${path}`],
    ),
    ...files.flatMap(({ what, path }) =>
      path === undefined || isReadable(path)
        ? []
        : [`${what} must be a file that can be read: received ${path}`],
    ),
  ];
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== undefined) return false;
    throw error;
  }
}
