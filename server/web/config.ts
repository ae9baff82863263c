import type { Logger } from 'pino';

/** What the screens and routes need to know of the settings; made by the composition root. */
export interface WebConfig {
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly production: boolean;
  /** How many proxies in front to trust for the scheme (engineering.md §2.8). */
  readonly trustProxyHops: number;
  readonly sessionSecrets: readonly string[];
  /** The tokens by which webhooks of QuickBooks' are judged. */
  readonly webhookVerifiers: readonly string[];
  /** The stand-ins' addresses and the Linarc key that fills the forms already; null with real accounts. */
  readonly sandbox: null | {
    readonly quickbooksUrl: string;
    readonly linarc: { readonly companyId: string; readonly apiKey: string; readonly url: string };
  };
  /** Where Linarc is, for the log and the CSP; never shown with a key. */
  readonly linarcUrl: string;
  readonly version: string;
  /** Until when security.txt may be relied upon, in ISO 8601. */
  readonly securityContactUntil: string;
  /** Where people who need help write to; null: nowhere is named. */
  readonly supportEmail: string | null;
  /** Who has it may read /metrics from anywhere; null: only this machine may. */
  readonly metricsToken: string | null;
  readonly log: Logger;
}
