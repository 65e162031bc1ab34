/** Where an address is. */
import { answering, bytes, room } from '../declare.ts';
import { status } from '../status.ts';
import { isAddressLength, readAddress } from './address.ts';

export const geoHostcalls = [
  answering({
    name: 'lookup',
    params: [...bytes('addr_octets', 'addr_len'), ...room('buf')],
    spec: '#places-and-devices',
    meaning: 'one JSON object; `none` where nothing is said of it',
    act: (guest, addressPtr, addressLen, ptr, len, written) => {
      if (!isAddressLength(addressLen)) return status.inval;
      const address = readAddress(guest, addressPtr, addressLen);
      const json = guest.run.capabilities.geo.lookup(address);
      return json === undefined ? status.none : guest.giveText({ ptr, len, written }, json);
    },
  }),
];
