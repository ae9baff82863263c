import { paths } from '../paths.ts';

/** Intuit's own drawing of a button, and the one for when it is pointed at. */
export interface Art {
  readonly src: string;
  readonly hover: string | null;
}

/** Null: not there, so a plain button with the same words is shown (public/intuit/README.md). */
export interface IntuitArt {
  readonly signIn: Art | null;
  readonly connect: Art | null;
}

/** A way to Intuit: always a plain link, as no form and no htmx may lead there. */
export interface IntuitButton {
  readonly href: string;
  readonly label: string;
  readonly art: Art | null;
}

export function signInButton({ signIn }: IntuitArt): IntuitButton {
  return { href: paths.launch, label: 'Sign in with Intuit', art: signIn };
}

/** Connects a company that is not known yet. */
export function connectButton({ connect }: IntuitArt): IntuitButton {
  return { href: paths.connectRequest, label: 'Connect to QuickBooks', art: connect };
}

/** Connects a company again. Intuit has no drawing for “Reconnect”. */
export function reconnectButton({ connect }: IntuitArt, label: 'Connect to QuickBooks' | 'Reconnect to QuickBooks'): IntuitButton {
  return { href: paths.connectStart, label, art: label === 'Connect to QuickBooks' ? connect : null };
}
