/** The directory object of an ACME server (RFC 8555, section 7.1.1) as what we use of it. Pure. */
import { AcmeError, asRecord } from './problem.ts';
import { urlField } from './transport.ts';

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  /** RFC 9773; undefined where it is not offered. */
  readonly renewalInfo: string | undefined;
  readonly profiles: ReadonlySet<string>;
  readonly needsExternalAccount: boolean;
  readonly termsOfService: string | undefined;
}

/**
 * The object at `url`.
 *
 * @throws AcmeError `unavailable` when it is no directory
 */
export function readDirectory(body: unknown, url: string): Directory {
  const action = 'use the ACME directory';
  const from = { url, action };
  const fields = asRecord(body);
  if (Object.keys(fields).length === 0) {
    throw new AcmeError('unavailable', `Cannot ${action}: it must be a JSON object`);
  }
  const meta = asRecord(fields.meta);
  const { renewalInfo } = fields;
  return {
    newNonce: urlField(fields, 'newNonce', from),
    newAccount: urlField(fields, 'newAccount', from),
    newOrder: urlField(fields, 'newOrder', from),
    renewalInfo:
      typeof renewalInfo === 'string' ? urlField(fields, 'renewalInfo', from) : undefined,
    profiles: new Set(Object.keys(asRecord(meta.profiles))),
    needsExternalAccount: meta.externalAccountRequired === true,
    termsOfService: typeof meta.termsOfService === 'string' ? meta.termsOfService : undefined,
  };
}
