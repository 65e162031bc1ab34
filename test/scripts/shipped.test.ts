/** What is shipped beside the program: units, monitoring, image, manual page, completion. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { manPagePath, renderManPage } from '../../scripts/man-page.ts';
import { counterPlace } from '../../src/journal/counter-fields.ts';
import { runProgram } from '../commands/program.ts';
import { TestFolder } from '../support/folder.ts';

const root = path.join(import.meta.dirname, '..', '..');
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
const has = (command: string, flag = '--version'): boolean =>
  spawnSync(command, [flag]).status === 0;

test('the manual page is what scripts/man-page.ts writes', async () => {
  expect(read(manPagePath)).toBe(await renderManPage());
});

test.skipIf(!has('groff'))('groff takes the manual page (skipped without it)', () => {
  const { status, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', manPagePath], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('the dashboard and the alerts ask for metrics that there are', () => {
  const source = ['module-metrics', 'daemon-metrics']
    .map((name) => read(`src/admin/metrics/${name}.ts`))
    .join('\n');
  const dashboard = JSON.parse(read('config/monitoring/grafana-dashboard.json'));
  expect(dashboard.schemaVersion).toBeGreaterThan(30);
  const asked = [
    ...JSON.stringify(dashboard).matchAll(/terrafirma_([a-z_]+)/g),
    ...read('config/monitoring/prometheus-rules.yml').matchAll(/terrafirma_([a-z_]+)/g),
  ].map(([, name = '']) => name.replace(/_bucket$/, ''));
  expect(asked.length).toBeGreaterThan(20);
  expect(counterPlace.requests).toBe(0);
  for (const name of new Set(asked)) expect(source).toContain(`'${name}'`);
});

test.skipIf(!has('promtool'))('promtool takes the alerts (skipped without promtool)', () => {
  const file = path.join(root, 'config/monitoring/prometheus-rules.yml');
  expect(spawnSync('promtool', ['check', 'rules', file]).status).toBe(0);
});

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}

const readPanels = (): readonly Panel[] =>
  JSON.parse(read('config/monitoring/grafana-dashboard.json')).panels;

test('the dashboard is one that Grafana loads: panels with numbers, places and queries', () => {
  const panels = readPanels();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { gridPos, targets, title, type } of panels) {
    expect(['timeseries', 'stat', 'table', 'gauge', 'bargauge']).toContain(type);
    expect(title).toMatch(/\S/);
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    expect(targets.length).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  }
  for (const [at, one] of panels.entries()) {
    const overlaps = panels.slice(at + 1).filter(({ gridPos: other }) => {
      const { x, y, w, h } = one.gridPos;
      return x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h;
    });
    expect(overlaps.map(({ title }) => title)).toEqual([]);
  }
});

test.skipIf(!has('promtool'))('promtool takes every query (skipped without promtool)', () => {
  using folder = new TestFolder();
  const queries = readPanels().flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const rules = queries.map((expr, at) => ({
    record: `dashboard:query:${at}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  }));
  // JSON is YAML.
  writeFileSync(folder.path('rules.yml'), JSON.stringify({ groups: [{ name: 'a', rules }] }));
  const { status, stderr } = spawnSync('promtool', ['check', 'rules', folder.path('rules.yml')], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.skipIf(!has('systemd-analyze'))('systemd takes the sockets (skipped without it)', () => {
  for (const name of ['terrafirma-http.socket', 'terrafirma-https.socket']) {
    const files = [name, 'terrafirma.service'].map((each) => path.join(root, 'systemd', each));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...files]);
    expect([status, String(stderr)]).toEqual([0, '']);
  }
});

test('the image runs as nobody in particular, and is asked how it is', () => {
  const lines = read('Dockerfile').split('\n');
  expect(lines.filter((line) => line.startsWith('FROM '))).toEqual(['FROM node:26-slim']);
  expect(lines).toContain('USER 10001');
  expect(lines).toContain('VOLUME /var/lib/terrafirma');
  expect(lines).toContain('ENTRYPOINT ["terrafirma"]');
  expect(read('Dockerfile')).toContain('CMD ["terrafirma", "status", "--healthz"]');
});

test.each([
  ['bash', ['-n']],
  ['zsh', ['-n']],
  ['fish', ['-n']],
])(
  '%s takes what completes command lines (its own check skipped without it)',
  async (shell, args) => {
    const { code, stdout } = await runProgram(['completion', shell]);
    expect(code).toBe(0);
    for (const name of ['serve', 'logs', 'doctor']) expect(stdout).toContain(name);
    expect(stdout).toContain(shell === 'fish' ? '-l follow' : '--follow');
    if (!has(shell)) return;
    using folder = new TestFolder();
    writeFileSync(folder.path('completion'), stdout);
    expect(spawnSync(shell, [...args, folder.path('completion')]).status).toBe(0);
  },
);
