import type { Environment, SettingMistake } from './setting.js';

/** What Kubernetes and Docker tell every container about its neighbours, under names that begin with theirs. */
const ofNeighbour = /_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_|$)/;
const addressOfNeighbour = /^(?:tcp|udp|sctp):\/\//;

/**
 * Variables that are named like settings and are none. A misspelt name would leave its setting at the default without a
 * word: a policy that nobody asks, a verification that nobody makes.
 *
 * @param isKnown whether there is a setting of that name
 * @param prefix what the names of settings begin with, and nothing else does
 */
export function unknownNames(
  environment: Environment,
  isKnown: (name: string) => boolean,
  prefix: RegExp,
): SettingMistake[] {
  return Object.entries(environment)
    .filter(([name, value = '']) => value !== '' && prefix.test(name) && !isKnown(withoutFile(name)))
    .filter(([name, value = '']) => !ofNeighbour.test(name) && !addressOfNeighbour.test(value))
    .map(([name]) => ({ name, problem: 'is no setting: look at its spelling' }));
}

function withoutFile(name: string): string {
  return name.replace(/_FILE$/, '');
}
