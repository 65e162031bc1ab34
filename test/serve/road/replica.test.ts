import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { type FolderKey, ownerOf, parseHostName } from '../../../src/names.ts';
import { Replica } from '../../../src/serve/road/replica.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import type { Site } from '../../../src/site/table.ts';
import { ControlLink } from '../../../src/threads/control-link.ts';
import type { ToControl } from '../../../src/threads/messages.ts';

function siteOf(name: string): Site {
  const folderKey = `/sites/${name}` as FolderKey;
  return {
    ...{ folderKey, owner: ownerOf(folderKey), directory: '/nowhere', mountDirectory: '/nowhere' },
    ...{ failure: undefined, generation: 1, manifest: parseManifest(undefined, 1_000) },
    modules: new Map(),
  };
}

/** A replica that remembers two names, and the names that it had to ask for. */
function openReplica(folderOf: (hostName: string) => string): {
  readonly asked: readonly string[];
  visit(name: string): Promise<void>;
} {
  const asked: string[] = [];
  const link: ControlLink = new ControlLink(
    {
      postMessage: (message: ToControl) => {
        if (message.kind !== 'question' || message.question.ask !== 'site') return;
        const { hostName = '' } = message.question;
        asked.push(hostName);
        const value = {
          kind: 'site',
          site: siteOf(folderOf(hostName)),
          expiresInMs: 60_000,
        } as const;
        setImmediate(() => link.receive({ kind: 'answer', id: message.id, value }));
      },
    },
    { verdictWaitMs: 60_000, onNews: () => undefined },
  );
  const replica = new Replica({
    limits: { ...defaultLimits, sitesCachedMax: 2 },
    link,
    onModule: () => undefined,
    onRenewed: () => undefined,
  });
  return {
    asked,
    async visit(name) {
      const site = await replica.siteOf(parseHostName(name), 0);
      expect(site.folderKey).toBe(`/sites/${folderOf(name)}`);
    },
  };
}

describe('Replica', () => {
  test.each([
    ['of a folder each', (name: string) => name],
    ['of one folder', () => 'shared'],
  ])('remembers as many host names as the limit says, %s, those used last', async (_, folderOf) => {
    const { asked, visit } = openReplica(folderOf);
    for (const name of ['a.test', 'b.test', 'a.test', 'b.test']) await visit(name);
    expect(asked).toEqual(['a.test', 'b.test']);
    for (const name of ['c.test', 'b.test', 'c.test', 'a.test']) await visit(name);
    expect(asked).toEqual(['a.test', 'b.test', 'c.test', 'a.test']);
  });
});
