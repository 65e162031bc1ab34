/**
 * `terrafirma doctor FOLDER --fix`: mends what has one answer alone, in files of the folder.
 * Touches the folder, which belongs to the person who asks.
 */
import { existsSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TerrafirmaError } from '../../errors.ts';
import { settingsName } from '../../site/settings.ts';

const settingsBytesMax = 1024 * 1024;

/** Says what was mended, a sentence each. @throws TerrafirmaError `usage` where it could not. */
export async function mendFolder(directory: string): Promise<readonly string[]> {
  try {
    return [...(await addIndex(directory)), ...(await quoteModules(directory))];
  } catch (error) {
    const { code, path: file = directory } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const rule = 'the files of the folder must be writable';
    throw new TerrafirmaError('usage', `Cannot mend: ${rule}: received ${code} at ${file}`);
  }
}

async function addIndex(directory: string): Promise<readonly string[]> {
  const hasOne = ['index.html', 'index.wasm'].some((name) =>
    existsSync(path.join(directory, name)),
  );
  if (hasOne) return [];
  const file = path.join(directory, 'index.html');
  await writeFile(file, page, { flag: 'wx' });
  return [`Mended: wrote ${file}, to be changed`];
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>It works</title>
<h1>It works</h1>
<p>This page is <code>index.html</code> of the folder.</p>
</html>
`;

/** A dot in a key of TOML parts two keys: the path of a module must stand in quotes. */
const tableOfModule =
  /^(\s*\[{1,2}\s*)([A-Za-z0-9_-]+(?:[/.][A-Za-z0-9_-]+)*\.wasm)((?:\.[\w.]+)?\s*\]{1,2}.*)$/;

export function quoteModulePaths(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(tableOfModule, '$1"$2"$3'))
    .join('\n');
}

async function quoteModules(directory: string): Promise<readonly string[]> {
  const file = path.join(directory, settingsName);
  if (!existsSync(file)) return [];
  const bytes = readFileSync(file);
  if (bytes.length > settingsBytesMax) return [];
  const before = bytes.toString('utf8');
  const after = quoteModulePaths(before);
  if (after === before) return [];
  const beside = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(beside, after, { flag: 'wx' });
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  return [`Mended: put the paths of modules in ${file} in quotes`];
}
