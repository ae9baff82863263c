import OAuthClient from 'intuit-oauth';

/** Intuit's addresses for OAuth 2.0 and OpenID Connect, and the issuer its id_tokens name (quickbooks.md §1.1). */
export interface IntuitEndpoints {
  readonly authorize: string;
  readonly token: string;
  readonly revoke: string;
  readonly userinfo: string;
  readonly jwks: string;
  readonly issuer: string;
}

export type IntuitEnvironment = 'production' | 'sandbox';

const SHARED = {
  authorize: 'https://appcenter.intuit.com/connect/oauth2',
  token: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
  revoke: 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke',
  jwks: 'https://oauth.platform.intuit.com/op/v1/jwks',
  issuer: 'https://oauth.platform.intuit.com/op/v1',
} as const;

export const INTUIT_ENDPOINTS: Readonly<Record<IntuitEnvironment, IntuitEndpoints>> = {
  production: { ...SHARED, userinfo: 'https://accounts.platform.intuit.com/v1/openid_connect/userinfo' },
  sandbox: { ...SHARED, userinfo: 'https://sandbox-accounts.platform.intuit.com/v1/openid_connect/userinfo' },
};

/**
 * Points intuit-oauth at these addresses. They are process-wide statics of the library, which reads each of them while the method
 * that uses it is being called, before that method first waits. So calling this right before such a method lets several
 * identities with different addresses live in one process. Nothing else may write these statics.
 */
export function pointAt(endpoints: IntuitEndpoints): void {
  OAuthClient.authorizeEndpoint = endpoints.authorize;
  OAuthClient.tokenEndpoint = endpoints.token;
  OAuthClient.revokeEndpoint = endpoints.revoke;
  OAuthClient.userinfo_endpoint_production = endpoints.userinfo;
  OAuthClient.userinfo_endpoint_sandbox = endpoints.userinfo;
  // Its own repeats would send a code or a refresh token twice (quickbooks.md §1.8).
  OAuthClient.retryConfig.maxRetries = 0;
}
