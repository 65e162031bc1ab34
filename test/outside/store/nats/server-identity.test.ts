import type { PeerCertificate } from 'node:tls';
import { expect, test } from 'vitest';
import { identityCheck } from '../../../../src/outside/store/nats/server-identity.ts';

function certificateFor(subjectaltname: string): PeerCertificate {
  return { subject: { CN: 'nats' }, subjectaltname } as PeerCertificate;
}

test('a server that is named by its address shows a certificate for one of those', () => {
  const check = identityCheck(['tls://10.0.0.1:4222', 'tls://[fd00::2]:4222']);
  expect(check('localhost', certificateFor('IP Address:10.0.0.1'))).toBeUndefined();
  expect(check('localhost', certificateFor('IP Address:fd00::2'))).toBeUndefined();
  expect(check('localhost', certificateFor('IP Address:10.0.0.9'))).toBeInstanceOf(Error);
  expect(check('localhost', certificateFor('DNS:nats.example'))).toBeInstanceOf(Error);
});

test('one that is named shows a certificate for that name, and no other', () => {
  const check = identityCheck(['tls://nats.example:4222', 'tls://10.0.0.1:4222']);
  expect(check('nats.example', certificateFor('DNS:nats.example'))).toBeUndefined();
  expect(check('nats.example', certificateFor('IP Address:10.0.0.1'))).toBeInstanceOf(Error);
});
