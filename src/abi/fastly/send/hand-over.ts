/** The visitor’s connection, handed over to a back-end. */
import { text, unsupported } from '../declare.ts';

export const handOverHostcalls = [
  unsupported('upgrade_websocket', '#handing-over', [...text('backend_name')]),
  unsupported('redirect_to_websocket_proxy', '#handing-over', [...text('backend_name')]),
  unsupported('redirect_to_grip_proxy', '#handing-over', [...text('backend_name')]),
  unsupported('redirect_to_websocket_proxy_v2', '#handing-over', [
    ['h', 'handle'],
    ...text('backend_name'),
  ]),
  unsupported('redirect_to_grip_proxy_v2', '#handing-over', [
    ['h', 'handle'],
    ...text('backend_name'),
  ]),
];
