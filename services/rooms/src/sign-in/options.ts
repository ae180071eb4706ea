/** Where accounts sign in: a provider of OpenID Connect. */
export interface ProviderOptions {
  issuer: string
  clientId: string
  /** Absent for a public client. */
  clientSecret?: string
  /** Scopes, separated by spaces. */
  scopes: string
  /** Address of `/api/sign-in/callback`, as the provider knows it. Default: the one by which the browser came. */
  redirectUrl?: string
  /** Claim with the groups or roles of a user: its name, or its path with dots. */
  rolesClaim?: string
  /** Role here by value of that claim. */
  roles: ReadonlyMap<string, string>
  /** Seconds after which a user must sign in again. */
  seconds: number
}
