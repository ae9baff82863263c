/** An app as its developer registers it with Intuit (quickbooks.md §7.1). */
export interface RegisteredApp {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly name: string;
  readonly tagline: string;
  readonly redirectUris: readonly string[];
  readonly launchUrl: string;
  readonly connectUrl: string;
  readonly disconnectUrl: string;
  readonly webhookUrl?: string;
  readonly webhookVerifier?: string;
  /** Not listed in the Apps menu: the sandbox's own, used for grants when no app is registered. */
  readonly hidden?: boolean;
}

/** The app that control calls use while no other is registered. */
export const DRIVER_APP: RegisteredApp = {
  clientId: 'sandbox-driver', clientSecret: 'sandbox-driver-secret', name: 'Sandbox driver', tagline: 'Control calls',
  redirectUris: [],
  launchUrl: 'http://localhost/', connectUrl: 'http://localhost/', disconnectUrl: 'http://localhost/', hidden: true,
};

const URLS = ['launchUrl', 'connectUrl', 'disconnectUrl', 'webhookUrl'] as const;
const TEXTS = ['clientId', 'clientSecret', 'name', 'tagline', ...URLS, 'webhookVerifier'] as const;
const OPTIONAL = new Set<string>(['webhookUrl', 'webhookVerifier']);

/** Reads an app from JSON. @returns one sentence per fault when it is not one. */
export function readApp(body: Record<string, unknown>): RegisteredApp | string[] {
  const faults: string[] = [];
  for (const name of TEXTS) {
    const value = body[name];
    if (value === undefined && OPTIONAL.has(name)) continue;
    if (typeof value !== 'string' || value.trim() === '' || value.length > 500) {
      faults.push(`"${name}" must be a text of 1 to 500 characters.`);
    }
    else if ((URLS as readonly string[]).includes(name) && !isHttpUrl(value)) {
      faults.push(`"${name}" must be an http or https address.`);
    }
  }
  const { redirectUris } = body;
  const good = Array.isArray(redirectUris) && redirectUris.length <= 25
    && redirectUris.every((uri) => typeof uri === 'string' && isHttpUrl(uri));
  if (!good) faults.push('"redirectUris" must be a list of http or https addresses.');
  const unknown = Object.keys(body).filter((name) => ![...TEXTS, 'redirectUris'].includes(name));
  for (const name of unknown) faults.push(`"${name}" is not a field of an app.`);
  if (faults.length > 0) return faults;
  return body as unknown as RegisteredApp;
}

function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '');
}
