import type { ClientRegistry } from '../clients/client-registry.js';
import type { KeyRegistry } from '../keys/key-registry.js';
import type { ServerRegistry } from '../servers/server-registry.js';
import type { UserRegistry } from '../users/user-registry.js';

/** Everything that can be managed. */
export interface Registries {
  readonly clients: ClientRegistry;
  readonly users: UserRegistry;
  readonly servers: ServerRegistry;
  readonly keys: KeyRegistry;
}

type Clients = Registries['clients'];

/** What a command can have done, by name; each takes one argument that JSON can carry. */
export const operations = {
  'clients.add': ({ clients }: Registries, client: Parameters<Clients['add']>[0]) => clients.add(client),
  'clients.list': ({ clients }: Registries) => clients.list(),
  'clients.remove': ({ clients }: Registries, id: string) => clients.remove(id),
  'clients.rotateSecret': ({ clients }: Registries, id: string) => clients.rotateSecret(id),
  'clients.enable': ({ clients }: Registries, id: string) => clients.setEnabled(id, true),
  'clients.disable': ({ clients }: Registries, id: string) => clients.setEnabled(id, false),
  'users.add': ({ users }: Registries, user: Parameters<UserRegistry['add']>[0]) => users.add(user),
  'users.list': ({ users }: Registries) => users.list(),
  'users.remove': ({ users }: Registries, who: string) => users.remove(who),
  'servers.add': ({ servers }: Registries, server: Parameters<ServerRegistry['add']>[0]) =>
    servers.add(server),
  'servers.list': ({ servers }: Registries) => servers.list(),
  'servers.remove': ({ servers }: Registries, id: string) => servers.remove(id),
  'keys.list': ({ keys }: Registries) => keys.list(),
  'keys.rotate': (
    { keys }: Registries,
    { algorithm }: { algorithm?: Parameters<KeyRegistry['rotate']>[0] },
  ) => keys.rotate(algorithm),
  'keys.remove': ({ keys }: Registries, kid: string) => keys.remove(kid),
} as const;

export type OperationName = keyof typeof operations;
type ArgumentOf<Name extends OperationName> = Parameters<(typeof operations)[Name]>[1];
type ResultOf<Name extends OperationName> = Awaited<ReturnType<(typeof operations)[Name]>>;

/** Carries operations out: here, or in the issuer that has the database open. */
export interface Administration {
  /** @throws RegistryError when it can't be done; the message is for the person who asked */
  run<Name extends OperationName>(name: Name, argument?: ArgumentOf<Name>): Promise<ResultOf<Name>>;
}

/** Carries them out here. */
export function administrationOf(registries: Registries): Administration {
  return {
    run: (name, argument) => {
      const operation = operations[name] as (of: Registries, argument: unknown) => Promise<never>;
      return operation(registries, argument);
    },
  };
}
