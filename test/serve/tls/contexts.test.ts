import { expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import type { HostName } from '../../../src/names.ts';
import { TlsContexts } from '../../../src/serve/tls/contexts.ts';
import { ControlLink } from '../../../src/threads/control-link.ts';
import type { CertificatePair, ToControl } from '../../../src/threads/messages.ts';
import { TestAuthority } from '../../support/acme-authority.ts';

const dayMs = 86_400_000;
const site = 'site.test' as HostName;

/** Contexts of a control plane that hands out one pair after the other. */
function openContexts(pairs: readonly CertificatePair[]) {
  const asked: number[] = [];
  const unusable: unknown[] = [];
  const link: ControlLink = new ControlLink(
    {
      postMessage: (message: ToControl) => {
        if (message.kind !== 'question') return;
        const id = asked.push(message.id) - 1;
        const pair = pairs[id];
        if (pair === undefined) throw new Error('asked once more');
        const value = { kind: 'certificate', pair, id: String(id), expiresInMs: 60_000 } as const;
        setImmediate(() => link.receive({ kind: 'answer', id: message.id, value }));
      },
    },
    { verdictWaitMs: 5_000, onNews: () => undefined },
  );
  const contexts = new TlsContexts({
    ...{ limits: defaultLimits, link, isBanned: () => false, nowMs: () => 1_000 },
    onUnusable: (serverName) => unusable.push(serverName),
  });
  return { asked, contexts, unusable };
}

function issue(): CertificatePair {
  const nowMs = Date.now();
  const validity = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs };
  return new TestAuthority().issueWithKey('site.test', validity);
}

test('a pair that does not fit is told of, and refuses handshakes for its time', async () => {
  const broken = { ...issue(), keyPem: issue().keyPem };
  const { asked, contexts, unusable } = openContexts([broken]);
  for (let count = 0; count < 3; count += 1) {
    const answer = await contexts.of(site);
    expect(answer).toMatchObject({
      kind: 'none',
      reason: expect.stringContaining('certificate cannot be used'),
    });
  }
  expect(asked).toHaveLength(1);
  expect(unusable).toEqual(['site.test']);
});

test('a new pair that cannot be used leaves the one that is at hand', async () => {
  const good = issue();
  const { contexts, unusable } = openContexts([good, { ...good, keyPem: 'no key' }]);
  expect(await contexts.of(site)).toMatchObject({ kind: 'context', pair: good });
  contexts.expireAll();
  expect(await contexts.of(site)).toMatchObject({ kind: 'context', pair: good });
  expect(await contexts.of(site)).toMatchObject({ kind: 'context', pair: good });
  expect(unusable).toEqual(['site.test']);
});
