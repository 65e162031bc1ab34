/** What device a user agent names. */
import { answering, room, text } from '../declare.ts';
import { status } from '../status.ts';

/** As long as a header may be. */
const userAgentBytesMax = 64 * 1024;

export const deviceHostcalls = [
  answering({
    name: 'lookup',
    params: [...text('user_agent'), ...room('buf')],
    spec: '#places-and-devices',
    meaning: 'one JSON object; `none` where nothing is said of it',
    act: (guest, agentPtr, agentLen, ptr, len, written) => {
      const userAgent = guest.readText(agentPtr, agentLen, userAgentBytesMax);
      const json = guest.run.capabilities.devices.lookup(userAgent);
      return json === undefined ? status.none : guest.giveText({ ptr, len, written }, json);
    },
  }),
];
