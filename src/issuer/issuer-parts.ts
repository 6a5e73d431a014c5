import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import type { IssuerSettings } from '../settings/issuer-settings.js';
import { AttemptLimiter } from './abuse/attempt-limiter.js';
import { AdminAccess } from './admin/admin-access.js';
import type { Registries } from './admin/administration.js';
import { AuthorizationServers } from './authorization-server.js';
import { BaseUrl } from './base-url.js';
import { ClientAssertions } from './clients/client-assertion.js';
import { ClientAuthentication } from './clients/client-authentication.js';
import { Clients } from './clients/clients.js';
import { ListCursors } from './clients/list-cursors.js';
import { CompatTokens, compatAlgorithm } from './compat/compat-tokens.js';
import { OrderedFaults } from './faults/ordered-faults.js';
import { AccessPolicy } from './grants/access-policy.js';
import { AuthorizationCodeGrant } from './grants/authorization-code.js';
import { ClientCredentialsGrant } from './grants/client-credentials.js';
import { Grants } from './grants/grants.js';
import { PasswordGrant } from './grants/password.js';
import { RefreshTokenGrant } from './grants/refresh-token.js';
import { UserTokens } from './grants/user-tokens.js';
import { PublishedKeys } from './keys/published-keys.js';
import type { SigningKeyRing } from './keys/signing-key-ring.js';
import { OpenApiFile } from './openapi/openapi.controller.js';
import { SwaggerUi } from './openapi/swagger-ui.js';
import type { Peppers } from './peppers.js';
import { AuthorizeRequests } from './sign-in/authorize-request.js';
import { SealedValues } from './sign-in/sealed-value.js';
import { SignIns } from './sign-in/sign-ins.js';
import type { Store } from './store/open-store.js';
import { AccessTokens } from './tokens/access-tokens.js';
import { AuthorizationCodes } from './tokens/authorization-codes.js';
import { IdTokens } from './tokens/id-tokens.js';
import { IssuedTokens } from './tokens/issued-tokens.js';
import { RefreshTokens } from './tokens/refresh-tokens.js';
import { TokenStates } from './tokens/token-states.js';
import { newPasswords } from './users/passwords.js';
import { Users } from './users/users.js';

/** What everything else is made of. */
export interface IssuerGround {
  readonly settings: IssuerSettings;
  readonly store: Store;
  readonly peppers: Peppers;
  readonly keys: SigningKeyRing;
  readonly registries: Registries;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The objects that the controllers ask for, put together. */
export function issuerParts({
  settings,
  store,
  peppers,
  keys,
  registries,
  logger,
  clock,
}: IssuerGround): readonly object[] {
  const servers = new AuthorizationServers(store, settings.baseUrl, clock, keys);
  const clients = new Clients(store, clock);
  const allowSecretInQuery = settings.mode === 'development';
  const limiter = new AttemptLimiter(clock);
  const authentication = new ClientAuthentication({
    clients,
    assertions: new ClientAssertions(store),
    limiter,
    peppers,
    baseUrl: settings.baseUrl,
    clock,
    logger,
    allowSecretInQuery,
  });
  const issued = new IssuedTokens(store, clock);
  const tokens = new AccessTokens(keys, issued, clock);
  const admin = new AdminAccess({ clients, tokens, issued });
  const policy = new AccessPolicy(servers);
  const users = new Users(store, newPasswords());
  const refreshTokens = new RefreshTokens(store, clock, logger);
  const ids = new IdTokens(keys, clock);
  const userTokens = new UserTokens(tokens, ids, refreshTokens);
  const codes = new AuthorizationCodes(store, clock, logger);
  const requests = new AuthorizeRequests(clients, policy);
  const sealed = new SealedValues(peppers);
  const signIns = new SignIns({ sealed, clients, users, codes, limiter, clock });
  const states = new TokenStates({
    accessTokens: tokens,
    idTokens: ids,
    refreshTokens,
    issued,
    users,
    clock,
  });
  const grants = new Grants({
    client_credentials: new ClientCredentialsGrant(policy, tokens),
    password: new PasswordGrant({ policy, users, limiter, tokens: userTokens, clock, logger }),
    authorization_code: new AuthorizationCodeGrant({ codes, users, tokens: userTokens }),
    refresh_token: new RefreshTokenGrant({ users, refreshTokens, tokens: userTokens }),
  });
  const faults = settings.mode === 'development' ? [new OrderedFaults()] : [];
  const publishedKeys = new PublishedKeys(keys, settings.compat === 'on' ? [compatAlgorithm] : []);
  const compat = settings.compat === 'on' ? [new CompatTokens({ servers, tokens, issued })] : [];
  return [
    servers,
    clients,
    authentication,
    issued,
    tokens,
    ids,
    refreshTokens,
    users,
    userTokens,
    states,
    registries.clients,
    new ListCursors(peppers),
    new BaseUrl(settings.baseUrl),
    new OpenApiFile(settings),
    new SwaggerUi(),
    requests,
    signIns,
    publishedKeys,
    policy,
    grants,
    admin,
    limiter,
    ...faults,
    ...compat,
  ];
}
