import type { Config } from '../../config.ts';
import { isPortFree } from '../embedded/free-ports.ts';

/**
 * Looks at the ports that the settings name before anything is started.
 * @throws with a sentence for each one that is taken
 */
export async function checkPorts(config: Config): Promise<void> {
  const named: [setting: string, port: number | undefined, host: string][] = [
    ['FRAMEKEEP_PORT', config.roles.includes('api') ? config.port : undefined, config.host],
    ['FRAMEKEEP_TEMPORAL_PORT', config.temporal.address === undefined ? config.temporal.port : undefined, '127.0.0.1'],
    [
      'FRAMEKEEP_TEMPORAL_UI_PORT',
      config.temporal.address === undefined ? config.temporal.uiPort : undefined,
      '127.0.0.1',
    ],
  ];
  const taken: string[] = [];
  for (const [setting, port, host] of named) {
    if (port === undefined || (await isPortFree(port, host))) continue;
    taken.push(`Port ${port} of ${host} is in use or not allowed: set ${setting} to another one.`);
  }
  if (taken.length > 0) throw new Error(taken.join('\n'));
}
