import type { Logger } from 'pino';
import { createApp } from './app.ts';
import { CARD } from './card.ts';
import { StartError } from './config.ts';
import type { Config } from './config.ts';
import { openDoor } from './door.ts';
import { withoutPrivate } from './log.ts';
import { linarcToOffer, Opened, openPlaces, register, type How } from './places.ts';
import { secretsOf } from './secrets.ts';
import { openServices, SANDBOX_VERIFIER, type Places, type Services } from './services.ts';
import type { WebConfig } from './web/config.ts';

export interface Running {
  readonly url: string;
  readonly places: Places;
  readonly services: Services;
  /** Every address with its name, in the order worth reading. */
  readonly addresses: readonly (readonly [name: string, address: string])[];
  /** Stops in order: no work and no requests any more, then the database, then what was started for it. */
  close(): Promise<void>;
}

/**
 * Starts what the settings ask for: the database and the sandboxes that do not run elsewhere, then the app. The app's port is taken
 * first, so that a second start in the same place fails before it touches the first one's data. Throws StartError.
 */
export async function start(config: Config, log: Logger, how: How = {}): Promise<Running> {
  const opened = new Opened();
  try {
    const door = await opened.add(openDoor(config));
    const url = config.publicUrl ?? `http://localhost:${door.port}`;
    const places = await openPlaces(config, log, how, opened);
    const secrets = secretsOf(config);
    const services = await opened.add(usable(config, openServices(config, { places, url }, secrets, log)));
    // Once requests come in, the door has to close before the database does.
    await opened.add(door);
    if (places.quickbooksSandboxUrl) await register(places.quickbooksSandboxUrl, url);
    door.open(createApp(services, await webConfig(config, url, places, secrets.sessionSecrets, log)));
    await services.work();
    await opened.add({ close: () => services.rest() });
    return { url, places, services, addresses: addressesOf(config, url, places), close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A database that does not answer, or not to us, is a matter of the settings. */
async function usable<T>({ database }: Config, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (database.kind !== 'mongodb' || !(error instanceof Error) || !error.name.startsWith('Mongo')) throw error;
    throw new StartError('MONGODB_URI', `the database cannot be used (${withoutPrivate(error.message)}). Start it, or correct the address.`);
  }
}

async function webConfig(config: Config, publicUrl: string, places: Places, sessionSecrets: readonly string[], log: Logger): Promise<WebConfig> {
  const { production, trustProxyHops } = config;
  const linarc = await linarcToOffer(config, places);
  const { quickbooksSandboxUrl, linarcUrl } = places;
  return {
    publicUrl, production, trustProxyHops, sessionSecrets, linarcUrl, log,
    webhookVerifiers: quickbooksSandboxUrl ? [SANDBOX_VERIFIER] : config.webhookVerifiers,
    sandbox: quickbooksSandboxUrl && linarc ? { quickbooksUrl: quickbooksSandboxUrl, linarc: { ...linarc, url: localhost(linarcUrl) } } : null,
    version: CARD.version,
    securityContactUntil: CARD.securityContactUntil,
    supportEmail: config.supportEmail,
    metricsToken: config.metricsToken,
  };
}

const localhost = (url: string): string => url.replace('//127.0.0.1:', '//localhost:');

function addressesOf({ quickbooks, linarc, database }: Config, url: string, places: Places): Running['addresses'] {
  return [
    [CARD.name, url],
    ...(quickbooks.kind === 'sandbox' ? [['QuickBooks sandbox', localhost(places.quickbooksSandboxUrl ?? '')] as const] : []),
    [linarc.kind === 'sandbox' ? 'Linarc sandbox' : 'Linarc', localhost(places.linarcUrl)],
    ...(database.kind === 'embedded' ? [['Embedded MongoDB', places.mongoUri] as const] : []),
  ];
}
