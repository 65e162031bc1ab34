/**
 * The files of the dashboard's page: our own from `src/page`, libraries from where they are
 * installed. All of them stand below one address that changes with their bytes, so that browsers
 * keep them for good and never mix two versions. Reads the file system once, at the start.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Asset {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** As the page names them, and where the packages have them. */
const libraries: Readonly<Record<string, string>> = {
  'library/preact.js': 'htm/preact/standalone',
  'library/uplot.js': 'uplot/dist/uPlot.esm.js',
  'library/uplot.css': 'uplot/dist/uPlot.min.css',
};
const charset = 'charset=utf-8';
const mediaTypes: Readonly<Record<string, string>> = {
  js: `text/javascript; ${charset}`,
  css: `text/css; ${charset}`,
  svg: 'image/svg+xml',
};

/** Nothing from elsewhere, nothing in the page itself; texts are never taken for markup. */
export const pagePolicy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self'"],
  ...["base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
  "require-trusted-types-for 'script'",
].join('; ');

export class Assets {
  readonly #files = new Map<string, Asset>();
  /** Of all their bytes. */
  readonly version: string;

  constructor(pageDirectory: string = fileURLToPath(new URL('../../page', import.meta.url))) {
    const names = readdirSync(pageDirectory, { recursive: true, encoding: 'utf8' });
    for (const name of names) this.#add(name.replaceAll('\\', '/'), join(pageDirectory, name));
    for (const [name, specifier] of Object.entries(libraries)) {
      this.#add(name, fileURLToPath(import.meta.resolve(specifier)));
    }
    const hash = createHash('sha256');
    for (const [name, { bytes }] of [...this.#files].sort()) hash.update(name).update(bytes);
    this.version = hash.digest('hex').slice(0, 16);
  }

  find(version: string, name: string): Asset | undefined {
    return version === this.version ? this.#files.get(name) : undefined;
  }

  /** The one document: everything in it is made by its script. */
  document(role: 'operator' | 'owner'): string {
    const at = `/page/${this.version}`;
    return `<!doctype html>
<html lang="en" data-role="${role}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>terrafirma</title>
<link rel="icon" href="${at}/icon.svg">
<link rel="stylesheet" href="${at}/library/uplot.css">
<link rel="stylesheet" href="${at}/style.css">
<script type="module" src="${at}/app.js"></script>
</head>
<body>
<noscript>The dashboard needs JavaScript: it draws what the daemon tells as it happens.</noscript>
<div id="app"></div>
</body>
</html>
`;
  }

  #add(name: string, file: string): void {
    const mediaType = mediaTypes[name.slice(name.lastIndexOf('.') + 1)];
    if (mediaType === undefined || name.endsWith('.d.ts')) return;
    this.#files.set(name, { mediaType, bytes: readFileSync(file) });
  }
}
