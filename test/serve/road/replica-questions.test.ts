/** What a serving thread asks the control plane, and what it does not ask twice. */
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import type { ErrorRecord } from '../../../src/errors.ts';
import {
  type Digest,
  type FolderKey,
  type ModulePath,
  ownerOf,
  parseHostName,
} from '../../../src/names.ts';
import { Replica } from '../../../src/serve/road/replica.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import type { Site } from '../../../src/site/table.ts';
import { ControlLink } from '../../../src/threads/control-link.ts';
import type { Answers, LoadedModule, Question, ToControl } from '../../../src/threads/messages.ts';

const NAME = parseHostName('site.test');
const FOLDER = '/keybase/public/alice' as FolderKey;
const MODULE = 'm.wasm' as ModulePath;
const MISSING = 'missing.wasm' as ModulePath;

function siteOf(generation: number, digest?: string): Site {
  const serving = { kind: 'serving', digest: digest as Digest, abi: 'terrarium' } as const;
  return {
    ...{ folderKey: FOLDER, owner: ownerOf(FOLDER), generation, failure: undefined },
    ...{ directory: '/nowhere', mountDirectory: '/nowhere', manifest: parseManifest(undefined, 1) },
    modules: new Map(digest === undefined ? [] : [[MODULE, serving]]),
  };
}

/** The replica looks at no more of it. */
function loadedOf(digest: Digest): LoadedModule {
  return { digest, codeBytes: 1 } as LoadedModule;
}

type Reply = Answers[keyof Answers] | ErrorRecord;

function isFailure(reply: Reply): reply is ErrorRecord {
  return reply !== null && typeof reply === 'object' && 'code' in reply && 'detail' in reply;
}

function openReplica(replyTo: (question: Question) => Reply) {
  const asked: string[] = [];
  const ready: Digest[] = [];
  const renewed: Digest[] = [];
  const link: ControlLink = new ControlLink(
    {
      postMessage(message: ToControl) {
        if (message.kind !== 'question') return;
        asked.push(message.question.ask);
        const value = replyTo(message.question);
        setImmediate(() => {
          const { id } = message;
          if (isFailure(value)) link.receive({ kind: 'failure', id, error: value });
          else link.receive({ kind: 'answer', id, value });
        });
      },
    },
    { verdictWaitMs: 60_000, onNews: () => undefined },
  );
  const replica = new Replica({
    limits: defaultLimits,
    link,
    onModule: ({ digest }) => ready.push(digest),
    onRenewed: ({ digest }) => renewed.push(digest),
  });
  return { asked, ready, renewed, replica };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
const answerOf =
  (site: () => Site, expiresInMs = 1_000) =>
  (question: Question): Reply => {
    if (question.ask === 'site') return { kind: 'site', site: site(), expiresInMs };
    if (question.ask === 'module') return loadedOf(question.digest);
    return site();
  };

describe('names', () => {
  test('an answer holds for its time, and is then asked for again', async () => {
    const { asked, replica } = openReplica(answerOf(() => siteOf(1)));
    await replica.siteOf(NAME, 0);
    expect(replica.siteOf(NAME, 999)).not.toBeInstanceOf(Promise);
    await replica.siteOf(NAME, 1_000);
    expect(asked).toEqual(['site', 'site']);
  });

  test('what is asked for by many at once is asked once', async () => {
    const { asked, replica } = openReplica(answerOf(() => siteOf(1)));
    await Promise.all([replica.siteOf(NAME, 0), replica.siteOf(NAME, 0)]);
    expect(asked).toEqual(['site']);
  });

  test('a failure is an answer, and holds as long', async () => {
    const error: ErrorRecord = { code: 'no-record', detail: 'none' };
    const { asked, replica } = openReplica(() => ({ kind: 'failure', error, expiresInMs: 1_000 }));
    await expect(replica.siteOf(NAME, 0)).rejects.toMatchObject({ code: 'no-record' });
    expect(() => replica.siteOf(NAME, 999)).toThrow('none');
    expect(asked).toEqual(['site']);
  });
});

describe('sites', () => {
  test('a newer picture replaces an older one, and never the other way round', async () => {
    const { replica } = openReplica(answerOf(() => siteOf(2)));
    await replica.siteOf(NAME, 0);
    replica.learnSite(siteOf(1));
    expect(replica.siteOf(NAME, 1)).toMatchObject({ generation: 2 });
    replica.learnSite(siteOf(3));
    expect(replica.siteOf(NAME, 1)).toMatchObject({ generation: 3 });
  });

  test('a version that follows one in use is made ready; others wait to be asked for', async () => {
    const { asked, ready, replica } = openReplica(answerOf(() => siteOf(1, 'old')));
    await replica.siteOf(NAME, 0);
    replica.learnSite(siteOf(2, 'unused'));
    await turn();
    expect(ready).toEqual([]);
    await replica.moduleOf('unused' as Digest);
    replica.learnSite(siteOf(3, 'new'));
    await turn();
    expect(ready).toEqual(['new']);
    expect(asked).toEqual(['site', 'module', 'module']);
  });

  test('a module that cannot be had is told to the request that wants it alone', async () => {
    const error: ErrorRecord = { code: 'overloaded', detail: 'not now' };
    const { ready, replica } = openReplica((question) =>
      question.ask === 'module' && question.digest !== 'old'
        ? error
        : answerOf(() => siteOf(1, 'old'))(question),
    );
    await replica.siteOf(NAME, 0);
    await replica.moduleOf('old' as Digest);
    replica.learnSite(siteOf(2, 'new'));
    await turn();
    expect(ready).toEqual([]);
    await expect(replica.moduleOf('new' as Digest)).rejects.toMatchObject({ code: 'overloaded' });
  });
});

describe('modules', () => {
  test('a module is asked for once', async () => {
    const { asked, replica } = openReplica(answerOf(() => siteOf(1)));
    const [one, other] = await Promise.all([
      replica.moduleOf('d' as Digest),
      replica.moduleOf('d' as Digest),
    ]);
    expect(one).toBe(other);
    expect(replica.moduleOf('d' as Digest)).toBe(one);
    expect(asked).toEqual(['module']);
  });

  test('one that was compiled anew is taken up where it is in use', async () => {
    const { asked, renewed, replica } = openReplica(answerOf(() => siteOf(1)));
    replica.renewModule('d' as Digest);
    expect(asked).toEqual([]);
    await replica.moduleOf('d' as Digest);
    replica.renewModule('d' as Digest);
    await turn();
    expect(renewed).toEqual(['d']);
  });

  test('a file that is not there is asked about once for each picture', async () => {
    let generation = 1;
    const { asked, replica } = openReplica(answerOf(() => siteOf(generation)));
    const site = await replica.siteOf(NAME, 0);
    await replica.siteWithVerdict(site, MISSING);
    await replica.siteWithVerdict(site, MISSING);
    expect(asked).toEqual(['site', 'verdict']);
    generation = 2;
    const newer = siteOf(2);
    expect(await replica.siteWithVerdict(newer, MISSING)).toMatchObject({ generation: 2 });
    expect(asked).toEqual(['site', 'verdict', 'verdict']);
  });
});
