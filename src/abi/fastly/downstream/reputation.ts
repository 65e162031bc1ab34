/**
 * What a network of many sites knows of a visitor: whether the address hides others. This daemon
 * knows nothing of it, and makes nothing up: flags are 0, names are not there.
 */
import { absent, answering, room, unsupported } from '../declare.ts';
import { status } from '../status.ts';
import { receivedHead } from './downstream.ts';

const spec = '#the-visitor';

function flag(name: string) {
  return answering({
    name: `downstream_${name}`,
    params: [
      ['req', 'handle'],
      [name, 'out_number'],
    ],
    spec,
    meaning: 'gives 0',
    act: (guest, handle, ptr) => {
      if (receivedHead(guest, handle) === undefined) return status.none;
      return guest.writeU32(ptr, 0);
    },
  });
}

export const reputationHostcalls = [
  flag('resvpnproxy_is_anonymous'),
  flag('resvpnproxy_is_anonymous_vpn'),
  flag('resvpnproxy_is_hosting_provider'),
  flag('resvpnproxy_is_proxy_over_vpn'),
  flag('resvpnproxy_is_public_proxy'),
  flag('resvpnproxy_is_relay_proxy'),
  flag('resvpnproxy_is_residential_proxy'),
  flag('resvpnproxy_is_smart_dns_proxy'),
  flag('resvpnproxy_is_tor_exit_node'),
  flag('resvpnproxy_is_vpn_datacenter'),
  absent('downstream_resvpnproxy_vpn_service_name', spec, [
    ['req', 'handle'],
    ...room('vpn_service_name_out'),
  ]),
];

/** How often a request has come round: there is one node and one service. */
export const visitsHostcalls = ['service', 'pop'].map((place) =>
  unsupported(`downstream_visits_this_${place}`, spec, [['num_hops', 'out_number']]),
);
