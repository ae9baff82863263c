import type { Journal } from './journal.ts';
import { CostCodeLibrary } from './library.ts';
import { datedRecords } from './records.ts';
import type { CostCodeFields } from './records.ts';
import { WebhookSender } from './webhooks.ts';

export type Company = {
  readonly id: string;
  readonly name: string;
  readonly apiKey: string;
  readonly library: CostCodeLibrary;
  readonly webhooks: WebhookSender;
};

export type CompanyOrder = { readonly id: string; readonly name: string; readonly apiKey: string };

type World = { readonly now: () => number; readonly webhookPauses: readonly number[]; readonly journal: Journal | null };

/** Opens a company with an empty library; every later change is announced and, when there is a journal, kept. */
export function openCompany(order: CompanyOrder, world: World): Company {
  const webhooks = new WebhookSender(order.id, world.now, world.webhookPauses);
  const library = new CostCodeLibrary(order.id, world.now, (change) => {
    const { kind, record } = change;
    world.journal?.append(kind === 'deleted' ? { company: order.id, remove: record.id } : { company: order.id, put: record });
    webhooks.announce(change);
  });
  return { ...order, library, webhooks };
}

/** Gives a company the library it has when nobody has edited it yet. */
export function fillCompany(company: Company, codes: readonly CostCodeFields[]): void {
  company.library.replaceAll(datedRecords(company.id, codes));
}
