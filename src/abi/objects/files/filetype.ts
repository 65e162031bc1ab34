/** Kinds of files by the numbers of WASI preview1, its type `filetype`. */

export const filetype = {
  unknown: 0,
  characterDevice: 2,
  directory: 3,
  regularFile: 4,
  symbolicLink: 7,
} as const;
