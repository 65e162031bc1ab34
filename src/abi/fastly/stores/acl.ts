/** Lists of addresses. */
import { bytes, text, unsupported } from '../declare.ts';

export const aclHostcalls = [
  unsupported('open', '#lists-of-addresses', [...text('name'), ['acl', 'out_handle']]),
  unsupported('lookup', '#lists-of-addresses', [
    ['acl', 'handle'],
    ...bytes('ip_octets', 'ip_len'),
    ['body_handle_out', 'out_handle'],
    ['acl_error_out', 'out_number'],
  ]),
];
