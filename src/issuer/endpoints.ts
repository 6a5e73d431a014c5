/** What the issuer serves below `{base}/oauth2/{serverId}/`: the controllers, the metadata and the metrics agree on it. */
export const endpoints = {
  token: { method: 'POST', path: 'v1/token' },
  introspect: { method: 'POST', path: 'v1/introspect' },
  revoke: { method: 'POST', path: 'v1/revoke' },
  keys: { method: 'GET', path: 'v1/keys' },
  authorize: { method: 'GET, POST', path: 'v1/authorize' },
  signIn: { method: 'POST', path: 'v1/authorize/sign-in' },
  userinfo: { method: 'GET, POST', path: 'v1/userinfo' },
  logout: { method: 'GET, POST', path: 'v1/logout' },
  oauthMetadata: { method: 'GET', path: '.well-known/oauth-authorization-server' },
  openidMetadata: { method: 'GET', path: '.well-known/openid-configuration' },
} as const;

export type EndpointName = keyof typeof endpoints;

const names = new Map<string, EndpointName>(
  (Object.keys(endpoints) as EndpointName[]).map((name) => [endpoints[name].path, name]),
);

/** Which endpoint a path belongs to, whatever the method. */
export function endpointAt(path: string): EndpointName | undefined {
  const within = /^\/(?:oauth2\/(?:(?!v1\/)[^/]+\/)?)?(.+)$/.exec(path)?.[1];
  return within === undefined ? undefined : names.get(within);
}
