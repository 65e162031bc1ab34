/** Lists of addresses. */
import { Buffer } from 'node:buffer';
import type { Acl, AclMatch } from '../../../capability/acls/contract.ts';
import { answering, bytes, text } from '../declare.ts';
import type { FastlyRun } from '../run.ts';
import { status } from '../status.ts';
import { isAddressLength, readAddress } from './address.ts';
import { NamedHandles, readName } from './named-handles.ts';

const spec = '#lists-of-addresses';
/** What `acl_error` says. */
const found = 1;
const noContent = 2;
const actions: Readonly<Record<AclMatch['action'], string>> = { allow: 'ALLOW', deny: 'BLOCK' };

function acls(run: FastlyRun): NamedHandles<Acl> {
  return new NamedHandles(run, 'list of addresses', (name) => run.capabilities.acls.open(name));
}

export const aclHostcalls = [
  answering({
    name: 'open',
    params: [...text('name'), ['acl', 'out_handle']],
    spec,
    meaning: '`none` where there is none of that name',
    act: (guest, namePtr, nameLen, ptr) => {
      const name = readName(guest, namePtr, nameLen);
      guest.requireRange(ptr, 4);
      const handle = guest.run.of(acls).open(name);
      return handle === undefined ? status.none : guest.writeU32(ptr, handle);
    },
  }),

  answering({
    name: 'lookup',
    params: [
      ['acl', 'handle'],
      ...bytes('ip_octets', 'ip_len'),
      ['body_handle_out', 'out_handle'],
      ['acl_error_out', 'out_number'],
    ],
    spec,
    meaning: 'gives a body of JSON and 1, or 2 where no network has the address',
    act: (guest, handle, ipPtr, ipLen, bodyPtr, errorPtr) => {
      const { run } = guest;
      const acl = run.of(acls).get(handle);
      if (!isAddressLength(ipLen)) return status.inval;
      const address = readAddress(guest, ipPtr, ipLen);
      guest.requireRange(bodyPtr, 4);
      guest.requireRange(errorPtr, 4);
      const match = acl.lookup(address);
      if (match === undefined) return guest.writeU32(errorPtr, noContent);
      const body = run.newBody();
      const { prefix, action } = match;
      body.write(Buffer.from(JSON.stringify({ prefix, action: actions[action] })));
      guest.writeU32(bodyPtr, run.bodies.add(body));
      return guest.writeU32(errorPtr, found);
    },
  }),
];
