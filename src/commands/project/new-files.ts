/** The files of a new project. Pure. */
import path from 'node:path';
import type { Template } from './templates.ts';

export interface NewFile {
  /** Below the directory of the project. */
  readonly path: string;
  readonly text: string;
}

/** All but the sources, which are copied as they are. */
export function filesOf(name: string, template: Template): readonly NewFile[] {
  return [
    { path: 'project.toml', text: projectFile(template) },
    { path: 'site/index.html', text: page(name, template) },
    { path: '.gitignore', text: ignored },
    ...(template.packages === undefined
      ? []
      : [{ path: 'package.json', text: packageFile(template.packages) }]),
  ];
}

/** What is built, what `dev` keeps, and what may be secret. */
const ignored = [
  ...['/*.wasm', '/site/**/*.wasm', '/.terrafirma-dev/', '/.dev.env', '/node_modules/'],
  ...['/target/', '/tools/', '/wit/deps/', '__pycache__/'],
]
  .map((line) => `${line}\n`)
  .join('');

function projectFile({ command, module, output = module }: Template): string {
  const head = '# How "terrafirma build" and "terrafirma dev" make the site.\nsite = "site"\n';
  if (module === undefined || command === undefined) return head;
  return [
    head,
    '[[function]]',
    `name = ${JSON.stringify(module)}    # its path in the site`,
    `command = ${JSON.stringify(command)}`,
    `output = ${JSON.stringify(output)}  # what the command writes; it is copied once it is good`,
    'watch = ["src"]',
    '',
  ].join('\n');
}

function packageFile(packages: Readonly<Record<string, string>>): string {
  return `${JSON.stringify({ private: true, devDependencies: packages }, undefined, 2)}\n`;
}

function page(name: string, { body, module, query = '' }: Template): string {
  const title = escaped(name);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title>
<style>
  :root { color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif; }
  body { max-width: 38rem; margin: 12vh auto; padding: 0 1.5rem; }
  code { overflow-wrap: anywhere; }
</style>
<h1>${title}</h1>
${module === undefined ? noFunction : call(module, query, body)}
<p>This page is <code>site/index.html</code>. With <code>terrafirma dev</code> it comes anew when
you save.</p>
</html>
`;
}

const noFunction = '<p>Every file of this folder is on the site.</p>';

function call(module: string, query: string, body: string | undefined): string {
  const target = escaped(`/${module}${query}`);
  const name = escaped(path.posix.basename(module));
  if (body === undefined) return `<p><a href="${target}">Call ${name}</a></p>`;
  return `<form action="${target}" method="post" enctype="text/plain">
  <textarea name="text" rows="4" cols="40">${escaped(body)}</textarea>
  <p><button>Send it to ${name}</button></p>
</form>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
