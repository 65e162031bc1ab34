/** `terrafirma dev`: builds a project's functions, serves its site, and follows its sources. */
import { networkInterfaces } from 'node:os';
import { loadConfig } from '../../config/load.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Arguments, Command, FlagRow } from '../command.ts';
import { readProject } from '../project/project-file.ts';
import { DevSession } from './session.ts';

const portDefault = 8080;
/** Whoever develops one project after the other should not have to think of ports. */
const portsToTryMax = 20;

const flags: readonly FlagRow[] = [
  { name: 'host', placeholder: 'address', summary: 'Where to listen; default: 127.0.0.1' },
  { name: 'port', placeholder: 'number', summary: 'Which port; default: 8080, or the next free' },
  { name: 'https', summary: 'Listen for HTTPS, with a certificate that is signed by itself' },
];

export const dev: Command = {
  name: 'dev',
  summary: 'Build and serve a project here, and follow its sources',
  positionals: [],
  excessHint: (excess) => `; a project is served from its own directory: cd ${excess}`,
  flags,
  readsConfig: true,
  settings: [settings.outboundAllowedCidrs as Setting<unknown>],
  notes: [
    'Builds every [[function]] of project.toml and serves the site, with the limits that ' +
      '"terrafirma serve" has. When a source changes, its function is built again; a build that ' +
      'fails is shown over the page, and the last good version goes on.',
    'Pages come anew by themselves. Error pages tell what the log says of the request, with each ' +
      'call that the function made. /.terrafirma/ opens the dashboard of the daemon.',
    'Lines NAME=value of .dev.env are in the environment of every program, over what the ' +
      'terrafirma.toml of the site says; secrets of that name are it, too.',
    'Functions reach servers on this machine with --allow-outbound 127.0.0.0/8.',
    'What is kept (key-value data, versions) is in .terrafirma-dev; it may be deleted.',
  ],
  async run(given, io) {
    // Refuses a wrong configuration before anything is built.
    const { config } = loadConfig({
      flags: given.settings,
      machine: io.machine,
      configFile: given.configFile,
    });
    const project = readProject(io.machine.workingDirectory);
    const session = new DevSession({
      ...{ project, io, configFile: given.configFile, limits: config.limits },
      isHttps: given.has('https'),
      daemonFlags: given.settings.map(({ label, text }) => `${label}=${text}`),
    });
    const stopped = Promise.withResolvers<void>();
    const removeListener = io.onSignal((signal) => {
      if (signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGQUIT') stopped.resolve();
    });
    try {
      const { host, ports } = placeOf(given);
      const port = await session.listen(host, ports);
      for (const url of urlsOf(host, port, given.has('https'))) io.write(`${url}\n`);
      const failed = session.run();
      const end = await Promise.race([stopped.promise, failed]);
      return end === 'failed' ? 1 : 0;
    } finally {
      await session.close();
      removeListener();
    }
  },
};

function placeOf(given: Arguments): { readonly host: string; readonly ports: readonly number[] } {
  const host = given.value('host') ?? '127.0.0.1';
  const text = given.value('port');
  if (text === undefined) {
    return { host, ports: Array.from({ length: portsToTryMax }, (_, at) => portDefault + at) };
  }
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port < 65_536) return { host, ports: [port] };
  const rule = '--port must be a number from 0 to 65535';
  throw new TerrafirmaError('usage', `Cannot run dev: ${rule}: received "${text}"`);
}

/** Where other machines reach it, too, when they may. */
function urlsOf(host: string, port: number, isHttps: boolean): readonly string[] {
  const scheme = isHttps ? 'https' : 'http';
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const hosts = isEverywhere
    ? Object.values(networkInterfaces())
        .flatMap((list) => list ?? [])
        .filter(({ family }) => family === 'IPv4')
        .map(({ address }) => address)
    : [host];
  return hosts.map((each) => `${scheme}://${each.includes(':') ? `[${each}]` : each}:${port}`);
}
