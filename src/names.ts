/**
 * Hostile strings parsed once: host names, folder paths of TXT records, request paths, file names.
 * Pure. What leaves here is safe to join to a directory, to use as a key and to write to the log.
 */
export { clientNetwork } from './names/client-network.ts';
export type { Digest } from './names/digest.ts';
export {
  classifyName,
  explainName,
  foldName,
  isServedName,
  isStaticName,
  type NameClass,
  spellingsOf,
  wellKnownDirectory,
} from './names/file-names.ts';
export {
  canonicalSpelling,
  type FolderKey,
  type FolderPath,
  folderSegments,
  localFolderKey,
  noRecord,
  parseFolderPath,
  parseRecord,
  parseTlf,
  type TlfName,
} from './names/folder-path.ts';
export { type HostName, parseHostName } from './names/host-name.ts';
export { kvKeyBytesMax, kvKeyFault } from './names/kv-key.ts';
export { type OwnerKey, ownerOf } from './names/owner.ts';
export { quoteReceived, withoutSecrets } from './names/quote.ts';
export {
  type ModulePath,
  parseRequestPath,
  type RequestPath,
  withQuery,
} from './names/request-path.ts';
